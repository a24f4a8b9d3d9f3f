"""Commits pushed to a bare origin: what they hold, and that the operator's clone is no matter."""

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from tests.clients.conftest import MARK, Reply
from tests.clients.git_world import TASK, commit, git


def test_a_commit_holds_exactly_the_named_files_and_is_pushed(repository, clone, origin):
    """Written, removed and kept files; mode, author, trailers; the clone is not touched."""
    (clone / "unrelated.txt").write_text("mine\n")
    files = {"render.yaml": None, "app/start.sh": "#!/bin/sh\nexec x\n", "docs/new.md": "ä\n"}

    sha = repository.commit_files(files, "app: start it\n\nBecause.", {**TASK, "Runbook-Run": "r"})

    assert git(origin, "rev-parse", "main") == sha == repository.head()
    shown = git(origin, "show", "--name-status", "--format=%an <%ae>%n%B", sha)
    assert shown.startswith("Cutover runbook <runbook@localhost>\napp: start it\n\nBecause.\n\n")
    assert "Runbook-Task: 1.1\nRunbook-Run: r\n" in shown
    assert shown.endswith("M\tapp/start.sh\nA\tdocs/new.md\nD\trender.yaml")
    assert git(origin, "ls-tree", sha, "app/start.sh").startswith("100755")
    assert repository.at().read("docs/new.md") == "ä\n"
    assert (clone / "render.yaml").exists()
    assert git(clone, "status", "--porcelain") == "?? unrelated.txt"


def test_the_same_commit_again_changes_nothing(repository, origin):
    """Idempotent: the first commit is returned, no second one is made."""
    first = repository.commit_files({"a.txt": "1\n"}, "app: add", TASK)

    assert repository.commit_files({"a.txt": "1\n"}, "app: add", TASK) == first
    assert git(origin, "rev-list", "--count", "main") == "3"


def test_content_that_was_there_before_makes_no_commit(repository):
    """Nothing to do and nothing of ours: the head is the answer."""
    head = repository.head()

    assert repository.commit_files({"render.yaml": "services: []\n"}, "m", TASK) == head


def test_a_file_makes_way_for_a_directory_of_its_name(repository):
    """Removed first, then written."""
    repository.commit_files({"render.yaml": None, "render.yaml/a": "x\n"}, "m", TASK)

    assert repository.at().list_files() == ["app/start.sh", "render.yaml/a"]


def test_a_commit_without_our_trailer_is_a_bug(repository, origin):
    """It could not be known as ours after a kill."""
    with pytest.raises(ValueError, match="Runbook-Task"):
        repository.commit_files({"a": "1"}, "m", {"Other": "x"})
    with pytest.raises(ValueError, match="one line"):
        repository.commit_files({"a": "1"}, "m", {**TASK, "Other": "x\ny"})

    assert git(origin, "rev-list", "--count", "main") == "2"


@pytest.mark.parametrize("path", ["../x", "/etc/x", ".git/config", "", "a/../../x", "."])
def test_a_path_outside_the_repository_is_refused(repository, path):
    """Nothing is written anywhere else."""
    with pytest.raises(ClientError, match="not accepted as a file"):
        repository.commit_files({path: "x"}, "m", TASK)


def test_no_repository_is_refused_with_the_command_to_make_one(tmp_path, no_identity):
    """Absent, empty, or inside another one."""
    inventory = {"path": str(tmp_path / "x"), "remote": "origin", "branch": "main"}
    with pytest.raises(ClientError, match="no such directory"):
        Repository.from_inventory(inventory).head()

    (tmp_path / "x").mkdir()
    with pytest.raises(ClientError, match="not a git repository") as caught:
        Repository.from_inventory(inventory).head()
    assert f"git clone URL {tmp_path / 'x'}" in caught.value.fix


def test_a_directory_inside_the_repository_is_refused(clone):
    """Paths are meant from the top."""
    inside = Repository(clone / "app", "origin", "main")

    with pytest.raises(ClientError, match="not its top"):
        inside.head()


def dirty(clone):
    """Edited, untracked and ignored files where we write."""
    (clone / "render.yaml").write_text("mine\n")
    (clone / "new.txt").write_text("mine\n")


def elsewhere(clone):
    """Somebody works on another branch."""
    git(clone, "switch", "-q", "-c", "feature")


def detached(clone):
    """And somebody on none."""
    git(clone, "switch", "-q", "--detach", "main")


def merging(clone):
    """A merge that nobody ended."""
    git(clone, "switch", "-q", "-c", "feature")
    commit(clone, "render.yaml", "theirs\n")
    git(clone, "switch", "-q", "main")
    commit(clone, "render.yaml", "ours\n")
    (clone / ".git/MERGE_HEAD").write_text(git(clone, "rev-parse", "feature") + "\n")


def unpushed(clone):
    """Work of a person that is not for publishing yet."""
    commit(clone, "y", "2\n")


def behind(clone):
    """Another person pushed since."""
    other = clone.with_name("behind")
    git(clone.parent, "clone", "-q", str(clone.parent / "origin.git"), str(other))
    commit(other, "x", "1\n")
    git(other, "push", "-q", "origin", "main")


def diverged(clone):
    """Work on both sides."""
    behind(clone)
    unpushed(clone)


def shallow(clone):
    """A clone of depth one."""
    address = git(clone, "config", "remote.origin.url")
    clone.rename(clone.with_name("deep"))
    git(clone.parent, "clone", "-q", "--depth", "1", f"file://{address}", str(clone))


def sparse(clone):
    """A work tree of which one folder is there."""
    git(clone, "sparse-checkout", "set", "app")


def locked(clone):
    """A lock that a killed git left."""
    (clone / ".git/index.lock").write_text("")


STATES = (
    dirty, elsewhere, detached, merging, unpushed, behind, diverged, shallow, sparse, locked,
)  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_no_state_of_the_clone_blocks_a_commit_or_is_changed(repository, clone, origin, state):
    """Its remote is the address, and nothing more of it is needed, read or touched."""
    state(clone)
    tip = git(origin, "rev-parse", "main")
    stood = everything(clone)

    made = repository.commit_files({"render.yaml": "new\n", "new.txt": "x\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main", "main^") == f"{made}\n{tip}"
    assert repository.revert(made, "back", TASK) == git(origin, "rev-parse", "main")
    assert git(origin, "rev-parse", "main^{tree}") == git(origin, "rev-parse", f"{tip}^{{tree}}")
    assert everything(clone) == stood


def everything(clone):
    """Return every file of a clone, git's own too."""
    files = (path for path in sorted(clone.rglob("*")) if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def test_an_address_alone_is_enough(origin):
    """Where nobody has a clone, the inventory says where the remote is."""
    repository = Repository.from_inventory({"remote": f"file://{origin}", "branch": "main"})

    made = repository.commit_files({"a": "1\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main") == made


def test_a_remote_given_relative_to_the_clone_is_found(repository, clone, origin):
    """As git reads it: from the top of the clone."""
    git(clone, "remote", "set-url", "origin", "../origin.git")

    assert repository.head() == git(origin, "rev-parse", "main")


def test_a_remote_that_is_not_configured_is_named(clone):
    """With where to look."""
    with pytest.raises(ClientError, match="no remote `upstream`") as caught:
        Repository(clone, "upstream", "main").head()

    assert "remote -v" in caught.value.fix


def test_a_branch_that_moves_meanwhile_is_followed(repository, other, origin):
    """The change is made anew of what is there then; nobody's work is lost."""
    moves = iter(["1\n", "2\n"])

    def edit(snapshot):
        text = next(moves, None)
        if text:
            commit(other, "theirs.txt", text)
            git(other, "push", "-q", "origin", "main")
        return {"ours.txt": snapshot.read("theirs.txt") or "none\n"}

    made = repository.commit_files(edit, "m", TASK)

    assert git(origin, "rev-parse", "main") == made
    assert git(origin, "show", f"{made}:ours.txt") == "2"
    assert git(origin, "rev-list", "--count", "main") == "5"


def test_a_branch_that_always_moves_is_refused_in_the_end(repository, other, origin):
    """Nothing of ours is on it."""

    def edit(snapshot):
        commit(other, "theirs.txt", f"{snapshot.commit}\n")
        git(other, "push", "-q", "origin", "main")
        return {"ours.txt": "x\n"}

    with pytest.raises(ClientError, match="the remote branch has moved"):
        repository.commit_files(edit, "m", TASK)

    assert "ours.txt" not in git(origin, "ls-tree", "--name-only", "main")


def test_a_branch_that_the_remote_lacks_is_named(clone):
    """A slip in the inventory."""
    with pytest.raises(ClientError, match="branch `production` was not found"):
        Repository(clone, "origin", "production").head()


def test_a_remote_that_is_gone_is_said_to_be(repository, origin):
    """And nothing is committed meanwhile."""
    repository.head()
    origin.rename(origin.with_name("moved.git"))

    with pytest.raises(ClientError, match="no such remote repository"):
        repository.commit_files({"a": "1"}, "m", TASK)
    with pytest.raises(ClientError):
        repository.branch_exists("main")


def test_credentials_in_the_remotes_url_are_never_shown(repository, clone, wire):
    """Git prints the URL when it fails."""
    url = f"http://person:pass-{MARK}@{wire.host}/repo.git"
    git(clone, "remote", "set-url", "origin", url)

    with pytest.raises(ClientError) as caught:
        repository.head()

    assert wire.host in caught.value.why


def test_a_remote_that_asks_for_a_password_is_refused_and_not_waited_for(repository, clone, wire):
    """Nobody sits at a prompt at night."""
    ask = Reply(401, None, {"WWW-Authenticate": "Basic realm=x"})
    wire.on("GET", "/repo.git/info/refs", ask)
    git(clone, "remote", "set-url", "origin", f"{wire.url}/repo.git")

    with pytest.raises(ClientError, match="credentials are refused"):
        repository.head()


def test_hooks_are_not_run(repository, clone):
    """A hook may ask, or refuse what a runbook was approved to do."""
    for name in ("pre-commit", "commit-msg", "pre-push", "reference-transaction"):
        hook = clone / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)

    assert repository.commit_files({"a": "1\n"}, "m", TASK) == repository.head()


def test_a_configured_author_is_kept(repository, clone):
    """The fallback is for machines where nobody is configured."""
    git(clone, "config", "user.name", "Operator")
    git(clone, "config", "user.email", "op@example.com")

    sha = repository.commit_files({"a": "1\n"}, "m", TASK)

    assert git(clone, "ls-remote", "origin", "main").startswith(sha)
    git(clone, "fetch", "-q")
    assert git(clone, "show", "-s", "--format=%an <%ae>", sha) == "Operator <op@example.com>"

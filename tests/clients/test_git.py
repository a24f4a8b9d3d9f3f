"""A working clone against a bare origin: refusals, commits, reverts, branches."""

import subprocess

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from tests.clients.conftest import MARK, Reply
from tests.clients.git_world import TASK, commit, git


def test_a_commit_holds_exactly_the_named_files_and_is_pushed(repository, clone, origin):
    """Written, removed and kept files; mode, author, trailers; the clone left clean."""
    (clone / "unrelated.txt").write_text("mine\n")
    files = {"render.yaml": None, "app/start.sh": "#!/bin/sh\nexec x\n", "docs/new.md": "ä\n"}

    sha = repository.commit_files(files, "app: start it\n\nBecause.", {**TASK, "Runbook-Run": "r"})

    assert git(origin, "rev-parse", "main") == sha == repository.head()
    shown = git(origin, "show", "--name-status", "--format=%an <%ae>%n%B", sha)
    assert shown.startswith("Cutover runbook <runbook@localhost>\napp: start it\n\nBecause.\n\n")
    assert "Runbook-Task: 1.1\nRunbook-Run: r\n" in shown
    assert shown.endswith("M\tapp/start.sh\nA\tdocs/new.md\nD\trender.yaml")
    assert git(origin, "ls-tree", sha, "app/start.sh").startswith("100755")
    assert (clone / "docs/new.md").read_text() == "ä\n"
    assert not (clone / "render.yaml").exists()
    assert git(clone, "status", "--porcelain") == "?? unrelated.txt"


def test_the_same_commit_again_changes_nothing(repository, origin):
    """Idempotent: the first commit is returned, no second one is made."""
    first = repository.commit_files({"a.txt": "1\n"}, "app: add", TASK)

    assert repository.commit_files({"a.txt": "1\n"}, "app: add", TASK) == first
    assert git(origin, "rev-list", "--count", "main") == "3"
    repository.refuse_unready()


def test_content_that_was_there_before_makes_no_commit(repository):
    """Nothing to do and nothing of ours: the head is the answer."""
    head = repository.head()

    assert repository.commit_files({"render.yaml": "services: []\n"}, "m", TASK) == head


def test_a_file_makes_way_for_a_directory_of_its_name(repository, clone):
    """Removed first, then written."""
    repository.commit_files({"render.yaml": None, "render.yaml/a": "x\n"}, "m", TASK)

    assert (clone / "render.yaml/a").read_text() == "x\n"
    repository.refuse_unready()


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


def test_a_file_someone_is_editing_is_not_overwritten(repository, clone, origin):
    """Uncommitted work in a file we want to write stays as it is, even if it is what we want."""
    (clone / "render.yaml").write_text("services: [mine]\n")

    with pytest.raises(ClientError, match=r"uncommitted changes in `render.yaml`"):
        repository.commit_files({"render.yaml": "services: [ours]\n"}, "m", TASK)

    assert (clone / "render.yaml").read_text() == "services: [mine]\n"
    assert git(origin, "rev-list", "--count", "main") == "2"


def test_an_ignored_file_in_the_way_is_not_overwritten(repository, clone):
    """Git does not list it as a change, and it is somebody's all the same."""
    repository.commit_files({".gitignore": "*.env\n"}, "m", TASK)
    (clone / "local.env").write_text("mine\n")

    with pytest.raises(ClientError, match=r"`local.env`"):
        repository.commit_files({"local.env": "ours\n"}, "m", TASK)

    assert (clone / "local.env").read_text() == "mine\n"


def test_a_ready_clone_is_not_refused(repository):
    """Clean, on its branch, level with its remote."""
    repository.refuse_unready()


def test_no_repository_is_refused_with_the_command_to_make_one(tmp_path, no_identity):
    """Absent, empty, or inside another one."""
    inventory = {"path": str(tmp_path / "x"), "remote": "origin", "branch": "main"}
    with pytest.raises(ClientError, match="no such directory"):
        Repository.from_inventory(inventory).refuse_unready()

    (tmp_path / "x").mkdir()
    with pytest.raises(ClientError, match="not a git repository") as caught:
        Repository.from_inventory(inventory).refuse_unready()
    assert f"git clone URL {tmp_path / 'x'}" in caught.value.fix


def test_a_directory_inside_the_repository_is_refused(clone):
    """Paths are meant from the top."""
    inside = Repository(clone / "app", "origin", "main")

    with pytest.raises(ClientError, match="not its top"):
        inside.refuse_unready()


@pytest.mark.parametrize("path", ["render.yaml", "new.txt"])
def test_a_changed_file_is_refused_by_name(repository, clone, path):
    """Edited or untracked: it is somebody's work."""
    (clone / path).write_text("mine\n")

    with pytest.raises(ClientError, match=f"uncommitted changes in `{path}`"):
        repository.refuse_unready()


def test_another_branch_is_refused_with_the_command_to_switch(repository, clone):
    """And so is a detached head."""
    git(clone, "switch", "-q", "-c", "feature")
    with pytest.raises(ClientError, match="on branch `feature`") as caught:
        repository.refuse_unready()
    assert caught.value.fix == f"git -C {clone} switch main"

    git(clone, "switch", "-q", "--detach", "main")
    with pytest.raises(ClientError, match="on no branch"):
        repository.refuse_unready()


def test_an_unfinished_merge_is_refused(repository, clone):
    """A half merge would end up in our commit."""
    git(clone, "switch", "-q", "-c", "feature")
    commit(clone, "render.yaml", "theirs\n")
    git(clone, "switch", "-q", "main")
    commit(clone, "render.yaml", "ours\n")
    with pytest.raises(subprocess.CalledProcessError):
        git(clone, "merge", "-q", "feature")

    with pytest.raises(ClientError, match="MERGE_HEAD"):
        repository.refuse_unready()


def test_a_clone_behind_its_remote_is_refused_with_the_pull(repository, clone, other):
    """Seen by fetching, not by what was fetched once."""
    commit(other, "x", "1\n")
    git(other, "push", "-q", "origin", "main")

    with pytest.raises(ClientError, match="1 commits behind") as caught:
        repository.refuse_unready()
    assert caught.value.fix == f"git -C {clone} pull --ff-only origin main"
    with pytest.raises(ClientError, match="behind"):
        repository.commit_files({"a": "1"}, "m", TASK)
    assert repository.read("a") is None


def test_a_diverged_clone_is_refused_with_both_counts(repository, clone, other):
    """Work on both sides is a person's to join."""
    commit(other, "x", "1\n")
    git(other, "push", "-q", "origin", "main")
    commit(clone, "y", "2\n")

    with pytest.raises(ClientError, match="have diverged: 1 commits here, 1 there"):
        repository.refuse_unready()


def test_unpushed_work_of_a_person_is_not_published(repository, clone, origin):
    """Our push would carry it along."""
    sha = commit(clone, "y", "2\n")

    with pytest.raises(ClientError, match=f"commit `{sha[:12]}` is not pushed"):
        repository.commit_files({"a": "1"}, "m", TASK)

    assert git(origin, "rev-list", "--count", "main") == "2"


def test_a_remote_that_is_gone_is_said_to_be(repository, origin):
    """And nothing is committed meanwhile."""
    origin.rename(origin.with_name("moved.git"))
    head = repository.head()

    with pytest.raises(ClientError, match="no such remote repository"):
        repository.commit_files({"a": "1"}, "m", TASK)
    with pytest.raises(ClientError):
        repository.branch_exists("main")
    assert repository.head() == head


def test_credentials_in_the_remotes_url_are_never_shown(repository, clone, wire):
    """Git prints the URL when it fails."""
    url = f"http://person:pass-{MARK}@{wire.host}/repo.git"
    git(clone, "remote", "set-url", "origin", url)

    with pytest.raises(ClientError) as caught:
        repository.refuse_unready()

    assert wire.host in caught.value.why


def test_a_remote_that_asks_for_a_password_is_refused_and_not_waited_for(repository, clone, wire):
    """Nobody sits at a prompt at night."""
    ask = Reply(401, None, {"WWW-Authenticate": "Basic realm=x"})
    wire.on("GET", "/repo.git/info/refs", ask)
    git(clone, "remote", "set-url", "origin", f"{wire.url}/repo.git")

    with pytest.raises(ClientError, match="credentials are refused"):
        repository.refuse_unready()


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

    assert git(clone, "show", "-s", "--format=%an <%ae>", sha) == "Operator <op@example.com>"

"""What a clone tells of its history, and how it takes a commit back."""

import pytest

from handrail.clients.errors import ClientError
from tests.clients.git_world import TASK, commit, git

FILES = {"render.yaml": None, "app/start.sh": "new\n", "docs/new.md": "x\n" * 5000}


def test_a_revert_brings_the_files_back_in_a_new_commit(repository, clone, origin):
    """History is added to, not rewritten; asked again, it is the same commit."""
    before = repository.tree_id("HEAD")
    made = repository.commit_files(FILES, "app: change", TASK)
    trailers = {**TASK, "Runbook-Rollback": "r1"}

    sha = repository.revert(made, "app: take back", trailers)

    assert repository.tree_id(sha) == before
    assert git(origin, "rev-parse", "main") == sha
    assert f"Runbook-Reverts: {made}" in git(clone, "show", "-s", "--format=%B", sha)
    assert repository.revert(made, "app: take back", trailers) == sha
    assert (clone / "render.yaml").exists()


def test_a_revert_keeps_what_was_changed_elsewhere_since(repository, other, clone):
    """Only the commit's own lines go."""
    made = repository.commit_files({"app/start.sh": "new\n"}, "m", TASK)
    git(other, "pull", "-q")
    commit(other, "elsewhere.txt", "kept\n")
    git(other, "push", "-q", "origin", "main")
    git(clone, "pull", "-q", "--ff-only")

    repository.revert(made, "m", TASK)

    assert repository.read("app/start.sh") == "#!/bin/sh\n"
    assert repository.read("elsewhere.txt") == "kept\n"


def test_a_revert_in_conflict_is_refused_and_leaves_everything_as_it_was(repository, clone):
    """Later work on the same lines is a person's to weigh."""
    made = repository.commit_files({"app/start.sh": "new\n"}, "m", TASK)
    later = repository.commit_files({"app/start.sh": "newer\n"}, "m", {"Runbook-Task": "2.1"})

    with pytest.raises(ClientError, match=r"same lines of `app/start\.sh`") as caught:
        repository.revert(made, "m", TASK)

    assert f"git -C {clone} revert {made[:12]}" in caught.value.fix
    assert repository.head() == later
    repository.refuse_unready()
    assert len(git(clone, "worktree", "list").splitlines()) == 1


def test_a_commit_of_another_branch_is_not_reverted(repository, clone):
    """It is not part of what is deployed."""
    git(clone, "switch", "-q", "-c", "feature")
    strange = commit(clone, "x", "1\n")
    git(clone, "switch", "-q", "main")

    with pytest.raises(ClientError, match="not on branch `main`"):
        repository.revert(strange, "m", TASK)


def test_a_refused_push_keeps_the_commit_for_the_next_call(repository, origin):
    """The remote's rules may be mended; then the same call pushes the same commit."""
    hook = origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(ClientError, match="does not allow this push"):
        repository.commit_files({"a": "1\n"}, "m", TASK)
    made = repository.head()
    repository.refuse_unready()
    hook.unlink()

    assert repository.commit_files({"a": "1\n"}, "m", TASK) == made
    assert git(origin, "rev-parse", "main") == made


def test_a_commit_is_found_by_all_of_its_trailers(repository, clone):
    """The newest one; a task whose name begins alike is another."""
    first = repository.commit_files({"a": "1\n"}, "m", {**TASK, "Runbook-Run": "r1"})
    second = repository.commit_files({"a": "2\n"}, "m", {**TASK, "Runbook-Run": "r2"})
    repository.commit_files({"a": "3\n"}, "m", {"Runbook-Task": "1.11"})

    assert repository.find_commit(TASK) == second
    assert repository.find_commit({**TASK, "Runbook-Run": "r1"}) == first
    assert repository.find_commit({"Runbook-Task": "9"}) is None


def test_a_revert_is_not_taken_for_the_commit_of_its_task(repository):
    """Both carry the task; only one made the change."""
    made = repository.commit_files(FILES, "app: change", TASK)
    back = repository.revert(made, "app: take back", TASK)

    assert repository.find_commit(TASK) == made
    assert repository.find_commit({**TASK, "Runbook-Reverts": made}) == back
    assert repository.commit_files(FILES, "app: change", TASK) == repository.head() != made


def test_files_are_read_at_a_commit(repository, clone):
    """What is committed, not what lies about; absent is None, a directory is a refusal."""
    base = repository.head()
    sha = repository.commit_files({"render.yaml": "services: [a]\n"}, "m", TASK)
    (clone / "render.yaml").write_text("uncommitted\n")

    assert repository.read("render.yaml") == "services: [a]\n"
    assert repository.read("render.yaml", base) == "services: []\n"
    assert repository.read("nothing/here") is None
    assert repository.list_files("app", sha) == ["app/start.sh"]
    assert repository.list_files() == ["app/start.sh", "render.yaml"]
    assert repository.list_files("nothing") == []
    with pytest.raises(ClientError, match="is a directory"):
        repository.read("app")
    with pytest.raises(ClientError, match="could not be read at `nosuchcommit`"):
        repository.read("render.yaml", "nosuchcommit")


def test_a_file_that_is_not_text_is_refused(repository, clone):
    """Half read bytes would be written back damaged."""
    (clone / "image.bin").write_bytes(b"\xff\xfe\x00")
    git(clone, "add", "--all")
    git(clone, "commit", "-q", "-m", "m")

    with pytest.raises(ClientError, match="not UTF-8"):
        repository.read("image.bin")


def test_a_tree_is_identified_by_its_content(repository):
    """Equal content, equal id; absent, none."""
    base = repository.head()
    sha = repository.commit_files({"app/x": "1\n"}, "m", TASK)
    back = repository.revert(sha, "m", TASK)

    assert repository.tree_id(base, "app") == repository.tree_id(back, "app")
    assert repository.tree_id(base, "app") != repository.tree_id(sha, "app")
    assert repository.tree_id(base) == repository.tree_id(back)
    assert repository.tree_id(base, "nothing") is None


def test_a_branch_is_made_kept_and_deleted_in_both_places(repository, clone, origin):
    """Each of the three may be repeated."""
    base = repository.head()
    repository.commit_files({"a": "1\n"}, "m", TASK)

    repository.create_branch("archive/node", base)
    repository.create_branch("archive/node", base)

    assert git(origin, "rev-parse", "archive/node") == base
    assert repository.branch_exists("archive/node")
    assert not repository.branch_exists("node"), "the end of a name is another name"
    with pytest.raises(ClientError, match="exists in the clone"):
        repository.create_branch("archive/node", "main")

    repository.delete_branch("archive/node")
    repository.delete_branch("archive/node")

    assert not repository.branch_exists("archive/node")
    assert not repository.branch_exists("archive/node", remote=False)


def test_a_branch_may_be_made_here_only(repository):
    """Asked not to push, it is not pushed."""
    repository.create_branch("local", "main", push=False)

    assert repository.branch_exists("local", remote=False)
    assert not repository.branch_exists("local")


def test_a_branch_that_exists_elsewhere_on_the_remote_is_refused(repository, other):
    """Nothing of theirs is moved, and nothing is made here."""
    commit(other, "x", "1\n")
    git(other, "push", "-q", "origin", "HEAD:refs/heads/archive")

    with pytest.raises(ClientError, match="exists on `origin`"):
        repository.create_branch("archive", "main")

    assert not repository.branch_exists("archive", remote=False)


def test_the_branch_worked_on_is_not_deleted(repository):
    """Whatever the runbook says."""
    with pytest.raises(ClientError, match="works on it"):
        repository.delete_branch("main")

"""What a repository tells of its history, and how it takes a commit back."""

import pytest

from handrail.clients.errors import ClientError
from tests.clients.git_world import TASK, commit, git

FILES = {"render.yaml": None, "app/start.sh": "new\n", "docs/new.md": "x\n" * 5000}


def test_a_revert_brings_the_files_back_in_a_new_commit(repository, origin):
    """History is added to, not rewritten; asked again, it is the same commit."""
    before = repository.tree_id(repository.head())
    made = repository.commit_files(FILES, "app: change", TASK)
    trailers = {**TASK, "Runbook-Rollback": "r1"}

    sha = repository.revert(made, "app: take back", trailers)

    assert repository.tree_id(sha) == before
    assert git(origin, "rev-parse", "main") == sha
    assert f"Runbook-Reverts: {made}" in git(origin, "show", "-s", "--format=%B", sha)
    assert repository.revert(made, "app: take back", trailers) == sha


def test_a_revert_keeps_what_was_changed_elsewhere_since(repository, other):
    """Only the commit's own lines go."""
    made = repository.commit_files({"app/start.sh": "new\n"}, "m", TASK)
    git(other, "pull", "-q")
    commit(other, "elsewhere.txt", "kept\n")
    git(other, "push", "-q", "origin", "main")

    repository.revert(made, "m", TASK)

    assert repository.at().read("app/start.sh") == "#!/bin/sh\n"
    assert repository.at().read("elsewhere.txt") == "kept\n"


def test_a_revert_in_conflict_is_refused_and_leaves_everything_as_it_was(repository, clone):
    """Later work on the same lines is a person's to weigh."""
    made = repository.commit_files({"app/start.sh": "new\n"}, "m", TASK)
    later = repository.commit_files({"app/start.sh": "newer\n"}, "m", {"Runbook-Task": "2.1"})

    with pytest.raises(ClientError, match=r"same lines of `app/start\.sh`") as caught:
        repository.revert(made, "m", TASK)

    assert f"git -C {clone} revert {made[:12]}" in caught.value.fix
    assert repository.head() == later


def test_a_revert_joins_what_was_changed_in_the_same_file_since(repository, other):
    """The lines of the commit go; a person's, further down, stay."""
    lines = [f"line {number}\n" for number in range(20)]
    repository.commit_files({"long.txt": "".join(lines)}, "m", TASK)
    made = repository.commit_files({"long.txt": "".join(["ours\n", *lines[1:]])}, "m", TASK)
    git(other, "pull", "-q")
    commit(other, "long.txt", "".join(["ours\n", *lines[1:19], "theirs\n"]))
    git(other, "push", "-q", "origin", "main")

    repository.revert(made, "m", TASK)

    assert repository.at().read("long.txt") == "".join([*lines[:19], "theirs\n"])


def test_a_file_that_came_where_a_folder_was_is_not_written_over(repository, other):
    """The way back would need its place."""
    made = repository.commit_files({"app/start.sh": None}, "m", TASK)
    git(other, "pull", "-q")
    commit(other, "app", "a file now\n")
    git(other, "push", "-q", "origin", "main")

    with pytest.raises(ClientError, match="app/start"):
        repository.revert(made, "m", TASK)


def test_a_commit_of_another_branch_is_not_reverted(repository, other):
    """It is not part of what is deployed."""
    git(other, "switch", "-q", "-c", "feature")
    strange = commit(other, "x", "1\n")
    git(other, "push", "-q", "origin", "feature")
    repository.at(strange)

    with pytest.raises(ClientError, match="not on branch `main`"):
        repository.revert(strange, "m", TASK)


def test_a_push_that_was_refused_is_done_by_the_same_call(repository, origin):
    """The remote's rules may be mended; until then nothing of ours is anywhere."""
    stood = git(origin, "rev-parse", "main")
    hook = origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(ClientError, match="does not allow this push"):
        repository.commit_files({"a": "1\n"}, "m", TASK)
    assert repository.head() == stood
    hook.unlink()

    assert repository.commit_files({"a": "1\n"}, "m", TASK) == git(origin, "rev-parse", "main")


def test_a_push_whose_answer_was_lost_is_known_to_have_arrived(repository, origin):
    """The remote took it and the line broke: the commit is there, and no second one is made."""
    hook = origin / "hooks/post-receive"
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)

    made = repository.commit_files({"a": "1\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main") == made


def test_a_commit_is_found_by_all_of_its_trailers(repository):
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

    assert repository.at().read("render.yaml") == "services: [a]\n"
    assert repository.at(base).read("render.yaml") == "services: []\n"
    assert repository.at().read("nothing/here") is None
    assert repository.at(sha).list_files("app") == ["app/start.sh"]
    assert repository.at().list_files() == ["app/start.sh", "render.yaml"]
    assert repository.at().list_files("nothing") == []
    with pytest.raises(ClientError, match="is a directory"):
        repository.at().read("app")
    with pytest.raises(ClientError, match=f"commit `{'1' * 12}` could not be fetched"):
        repository.at("1" * 40)


def test_a_file_that_is_not_text_is_refused(repository):
    """Half read bytes would be written back damaged."""
    repository.commit_files({"image.bin": b"\xff\xfe\x00"}, "m", TASK)

    with pytest.raises(ClientError, match="not UTF-8"):
        repository.at().read("image.bin")
    assert repository.at().read_bytes("image.bin") == b"\xff\xfe\x00"


def test_a_tree_is_identified_by_its_content(repository):
    """Equal content, equal id; absent, none."""
    base = repository.head()
    sha = repository.commit_files({"app/x": "1\n"}, "m", TASK)
    back = repository.revert(sha, "m", TASK)

    assert repository.tree_id(base, "app") == repository.tree_id(back, "app")
    assert repository.tree_id(base, "app") != repository.tree_id(sha, "app")
    assert repository.tree_id(base) == repository.tree_id(back)
    assert repository.tree_id(base, "nothing") is None


def test_a_branch_is_made_kept_and_deleted(repository, clone, origin):
    """Each of the three may be repeated; the operator's clone gets none of it."""
    base = repository.head()
    repository.commit_files({"a": "1\n"}, "m", TASK)

    repository.create_branch("archive/node", base)
    repository.create_branch("archive/node", base)

    assert git(origin, "rev-parse", "archive/node") == base
    assert repository.branch_exists("archive/node")
    assert not repository.branch_exists("node"), "the end of a name is another name"
    assert repository.local_branch("archive/node") is None
    with pytest.raises(ClientError, match="exists on `origin`"):
        repository.create_branch("archive/node", repository.head())

    repository.delete_branch("archive/node")
    repository.delete_branch("archive/node")

    assert not repository.branch_exists("archive/node")


def test_a_branch_of_the_clone_that_an_older_run_made_can_be_deleted(repository, clone):
    """Nothing makes one there any more."""
    git(clone, "branch", "archive/node")
    assert repository.local_branch("archive/node") == git(clone, "rev-parse", "main")

    repository.delete_local_branch("archive/node")
    repository.delete_local_branch("archive/node")

    assert repository.local_branch("archive/node") is None


def test_a_branch_whose_name_is_the_beginning_of_ours_is_told(repository, origin):
    """Git keeps branches in folders, so `archive` leaves no place for `archive/node`."""
    git(origin, "branch", "archive", "main")

    with pytest.raises(ClientError, match="the beginning of this one"):
        repository.create_branch("archive/node", repository.head())


def test_the_branch_worked_on_is_not_deleted(repository):
    """Whatever the runbook says."""
    with pytest.raises(ClientError, match="works on it"):
        repository.delete_branch("main")

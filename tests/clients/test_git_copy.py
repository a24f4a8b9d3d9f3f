"""The private copy: made once, kept where it is told, fetched as the operator's clone would."""

import shutil
import subprocess
import sys

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.git_copy import scratch
from handrail.clients.git_process import git as ours
from tests.clients.conftest import Reply
from tests.clients.git_world import TASK, commit, git


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder for copies, as beside a ledger."""
    monkeypatch.setattr("handrail.clients.git_copy._kept", [tmp_path / "copies"])
    return tmp_path / "copies"


def test_a_copy_is_kept_and_only_what_is_new_is_fetched(clone, origin, kept):
    """The next attempt finds it; its folder is the owner's alone."""
    entry = {"path": str(clone), "remote": "origin", "branch": "main"}
    first = Repository.from_inventory(entry)
    first.head()
    (made,) = kept.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700
    packs = objects(made)

    second = Repository.from_inventory(entry)
    second.commit_files({"a": "1\n"}, "m", TASK)

    assert list(kept.iterdir()) == [made] == [second.copy]
    assert packs < objects(made)
    assert git(made, "rev-parse", "--is-bare-repository") == "true"
    assert not list(made.glob("hooks/*"))


def objects(copy):
    """Return the objects of a copy."""
    return set(git(copy, "cat-file", "--batch-all-objects", "--batch-check").splitlines())


def test_a_process_that_was_told_no_folder_leaves_nothing_behind(clone, tmp_path):
    """As a plan does."""
    code = (
        "import sys; from handrail.clients.git import Repository\n"
        "entry = {'path': sys.argv[1], 'remote': 'origin', 'branch': 'main'}\n"
        "print(Repository.from_inventory(entry).at().read('render.yaml'))\n"
    )
    place = tmp_path / "temporary"
    place.mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", code, str(clone)],
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(place), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert ended.stdout == "services: []\n\n"
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_in_a_copy_is_taken_away(repository, kept):
    """And what one that is at work has there is let be."""
    copy = repository.copy
    ended = subprocess.Popen(["true"])
    ended.wait()
    (copy / f"scratch-{ended.pid}-x").mkdir()
    (copy / "scratch-1-x").mkdir()

    with scratch(copy) as place:
        assert place.is_dir()

    assert [each.name for each in copy.glob("scratch-*")] == ["scratch-1-x"]


def test_a_remote_with_longer_object_names_is_read_and_written(tmp_path, no_identity):
    """SHA-256, as `git init --object-format` has it."""
    made = ours(tmp_path, "init", "-q", "--bare", "-b", "main", "--object-format=sha256", "o.git")
    assert made.code == 0, made.error
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "seed")
    commit(tmp_path / "seed", "a.txt", "1\n")
    git(tmp_path / "seed", "push", "-q", str(tmp_path / "o.git"), "main")
    repository = Repository.from_inventory({"remote": str(tmp_path / "o.git"), "branch": "main"})

    sha = repository.commit_files({"a.txt": None, "b.txt": "2\n"}, "m", TASK)
    repository.revert(sha, "back", TASK)

    assert len(sha) == 64
    assert repository.at().list_files() == ["a.txt"]


def test_the_remote_is_reached_as_the_clone_is_set_up_to(repository, clone, origin):
    """A short name that only the clone knows, say; the copy is told, and keeps nothing of it."""
    git(clone, "config", f"url.{origin.parent}/.insteadOf", "work:")
    git(clone, "remote", "set-url", "origin", "work:origin.git")

    made = repository.commit_files({"a": "1\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main") == made
    assert "insteadof" not in (repository.copy / "config").read_text().lower()


def test_a_header_of_the_clone_is_sent_with_every_request(repository, clone, wire):
    """A token that a checkout put there; both to look and to push."""
    git(clone, "config", f"http.{wire.url}/.extraheader", "X-Token: t1")
    push = f"{repository.head()}:refs/heads/x"
    git(clone, "remote", "set-url", "origin", f"{wire.url}/repo.git")
    told = []

    def refs(seen):
        told.append(seen.headers.get("X-Token"))
        return Reply(404)

    wire.on("GET", "/repo.git/info/refs", refs)
    for act in (repository.head, lambda: repository.push("it was not pushed", push)):
        with pytest.raises(ClientError):
            act()

    assert set(told) == {"t1"}
    assert len(told) > 1


def test_a_machine_that_trusts_no_bare_repository_trusts_ours(clone, tmp_path, monkeypatch, kept):
    """Its setting is against one that somebody slipped into a work tree."""
    (tmp_path / "global").write_text("[safe]\n\tbareRepository = explicit\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    entry = {"path": str(clone), "remote": "origin", "branch": "main"}

    assert Repository.from_inventory(entry).commit_files({"a": "1\n"}, "m", TASK)


def test_a_copy_that_is_damaged_is_told_with_the_way_to_a_new_one(repository, kept):
    """A power cut left an empty object, say: nothing of it matters."""
    head = repository.head()
    for each in repository.copy.glob("objects/*/*"):
        each.chmod(0o600)
        each.write_bytes(b"")

    with pytest.raises(ClientError) as caught:
        repository.commit_files({"a": "1\n"}, "m", TASK)

    assert f"rm -r {repository.copy}" in caught.value.fix
    shutil.rmtree(repository.copy)
    fresh = Repository(repository.path, "origin", "main")
    assert fresh.head() == head
    fresh.commit_files({"a": "1\n"}, "m", TASK)

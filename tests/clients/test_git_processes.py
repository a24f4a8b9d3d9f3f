"""How much git is asked: what a step costs beside the remote, and when the remote is asked anew."""

import pytest

from handrail.clients import git_process
from handrail.clients.git import Repository
from handrail.clients.memory import MEMORIES
from tests.clients.git_world import TASK, commit, git


@pytest.fixture
def asked(monkeypatch):
    """The commands that were started."""
    commands, start = [], git_process._started

    def started(what, directory, arguments, variables, *, has_input):
        commands.append(arguments[0])
        return start(what, directory, arguments, variables, has_input=has_input)

    monkeypatch.setattr(git_process, "_started", started)
    return commands


@pytest.fixture
def shared(monkeypatch):
    """Memories as within an attempt."""
    monkeypatch.setattr(MEMORIES, "shared", MEMORIES.shared)
    MEMORIES.share()


def test_a_look_asks_the_remote_and_nothing_else(repository, asked):
    """What the clone says, and what the copy holds, was asked before."""
    repository.at().list_files()
    asked.clear()

    repository.at().list_files()

    assert asked == ["ls-remote"]


def test_a_commit_takes_eight_processes(repository, asked):
    """One look, six that make it, one push."""
    repository.at().list_files()
    asked.clear()

    repository.commit_files({"a": "1\n"}, "m", TASK)

    assert (asked[0], asked[-1], len(asked)) == ("ls-remote", "push", 8)


def test_the_clauses_of_a_step_share_one_look(shared, clone, asked):
    """Each has a client of its own, made from the inventory's words."""
    entry = {"path": str(clone), "remote": "origin", "branch": "main"}
    heads = {Repository.from_inventory(entry).head() for _ in range(4)}

    assert len(heads) == 1
    assert asked.count("ls-remote") == 2  # one for the copy, that was not there


def test_what_was_pushed_is_seen_at_once(shared, repository):
    """The proof after an act never reads what was there before it."""
    before = repository.head()

    made = repository.commit_files({"a": "1\n"}, "m", TASK)

    assert repository.head() == made != before


def test_a_commit_on_a_head_that_has_moved_since_is_made_again(shared, repository, other):
    """What somebody pushed a moment ago stays."""
    repository.head()
    commit(other, "theirs", "1\n")
    git(other, "push", "-q", "origin", "main")

    repository.commit_files({"ours": "1\n"}, "m", TASK)

    assert {"ours", "theirs"} <= set(repository.at().list_files())


def test_a_clone_that_was_set_up_otherwise_since_is_read_anew(repository, clone, tmp_path):
    """A person may correct its remote while a command waits."""
    repository.head()
    git(clone, "remote", "set-url", "origin", str(tmp_path / "nowhere.git"))

    assert repository.clone.value("remote.origin.url") == str(tmp_path / "nowhere.git")

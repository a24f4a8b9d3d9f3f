"""git, pg_dump, pg_restore and psql outlive a killed run, and keep the next attempt out."""

import os
import shutil
import signal
from contextlib import contextmanager

import psycopg
import pytest
from rehearsal.postgres import PostgresServer

from handrail.testing.lab import end, until
from handrail.transfer.session import programs
from tests.clients.git_world import clone, git, no_identity, origin, template
from tests.engine.lab.ssh import hosts
from tests.engine.test_orphans import check_kept_out, guards_of

__all__ = ["clone", "no_identity", "origin", "template"]

AT_WORK = "a command of an earlier attempt is still at work there (process "
HEADER = "from lab import hardy\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A database with one table."""
    with PostgresServer(tmp_path_factory.mktemp("orphans-postgres")) as server:
        there = server.create_database("shop")
        with psycopg.connect(there, autocommit=True) as session:
            session.execute("create table held as select 1 as n")
        yield there


@contextmanager
def locked(url):
    """Let nobody read or write the table."""
    with psycopg.connect(url) as session:
        session.execute("lock table held in access exclusive mode")
        yield


def strike(lab, blow):
    """Start the command, strike it when its program is at work, and wait for its end."""
    process = lab.start()
    try:
        until(lambda: lab.read("f.begun") is not None)
        until(lambda: lab.read("f.seen") is not None or seen_waiting(lab))
        if blow == "parent":
            os.kill(process.pid, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
    except BaseException:
        end(process)
        raise


def seen_waiting(lab):
    """Tell whether somebody waits for the table."""
    if not hasattr(lab, "url"):
        return False
    with psycopg.connect(lab.url) as session:
        query = "select count(*) from pg_locks where not granted and database is not null"
        return session.execute(query).fetchone()[0] > 0


@pytest.mark.parametrize("blow", ["parent", "group"])
@pytest.mark.parametrize("how", ["pg_dump", "pg_restore", "psql"])
def test_a_program_of_postgresql_keeps_the_next_attempt_out(lab, url, how, blow):
    """It waits for a table; as long as it does, nothing acts beside it, and it is named."""
    lab.url = url
    if how == "pg_restore":
        made = ["--format=custom", f"--file={lab.room() / 'f.made'}", "--table=held"]
        programs.run(programs.find(0) / "pg_dump", made, programs.environment(url))
    lab.runbook(
        f'hardy.by_program(path=f"{{room}}/f", how="{how}", where={url!r}, task="1")',
        header=HEADER,
    )
    with locked(url):
        strike(lab, blow)
        at_once = lab.run()
    until(lambda: "at work" not in (found := lab.run()).said or found.code == 0)

    assert at_once.code == 1
    assert AT_WORK in at_once.said, at_once.said
    assert how in at_once.said.partition(AT_WORK)[2].splitlines()[0]
    assert "does not run twice unattended" in lab.run().said


@pytest.mark.parametrize("blow", ["parent", "group"])
def test_a_push_keeps_the_next_attempt_out(lab, clone, origin, blow):
    """The remote takes its time; when it has taken the push, it is there once."""
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    room = lab.room()
    hook.write_text(
        f"#!/bin/sh\necho seen >> {room}/f.seen\nwhile [ ! -e {room}/f.go ]; do sleep 0.1; done\n"
    )
    hook.chmod(0o755)
    lab.runbook(
        f'hardy.by_program(path=f"{{room}}/f", how="git", where={str(clone)!r}, task="1")',
        header=HEADER,
    )
    strike(lab, blow)
    at_once = lab.run()
    lab.put("f.go")
    until(lambda: "pushed" in git(origin, "branch", "--list", "pushed"))

    assert at_once.code == 1
    assert AT_WORK in at_once.said, at_once.said
    assert "git" in at_once.said.partition(AT_WORK)[2].splitlines()[0]
    assert lab.read("f.seen") == "seen\n"


def test_the_orphan_of_a_line_on_the_other_side_of_ssh_keeps_the_next_attempt_out(lab):
    """The guard lies on the target, and the target is asked."""
    with hosts("alpha") as servers:
        data = {"room": str(lab.room())} | servers["alpha"].data()
        (lab.folder / "lab.py").write_text(f"hosts = [('@ssh/alpha', {data!r})]\n")
        lab.runbook('hardy.by_line(path=f"{room}/f", how="setsid", task="1")', header=HEADER)
        process = lab.start()
        until(lambda: lab.read("f.begun"))
        process.kill()
        process.wait()

        at_once = lab.run()
        lab.put("f.go")
        lab.until_through()
        afterwards = lab.run()

    assert (at_once.code, afterwards.code) == (1, 0), at_once.said + afterwards.said
    assert AT_WORK in at_once.said
    assert lab.read("f.begun") == "begun\n"
    assert guards_of(lab) == []


SUDO = """#!/bin/sh
while [ "$1" != sh ]; do shift; done
exec "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
"""  # as the real one it lets go of all that it inherits; who runs it stays the same


def sudo(folder):
    """Put a `sudo` into a folder of programs."""
    folder.mkdir(exist_ok=True)
    (folder / "sudo").write_text(SUDO)
    (folder / "sudo").chmod(0o755)
    return str(folder)


def test_the_orphan_of_a_line_as_another_user_keeps_the_next_attempt_out(lab, tmp_path):
    """What `sudo` closes is taken again by the shell behind it."""
    lab.env["PATH"] = f"{sudo(tmp_path / 'bin')}:{os.environ['PATH']}"
    call = 'hardy.by_line(path=f"{room}/f", how="setsid", task="1", _sudo=True)'
    lab.runbook(call, header=HEADER)
    process = lab.start()
    until(lambda: lab.read("f.begun"))
    process.kill()
    process.wait()

    check_kept_out(lab)


@pytest.fixture
def without_flock(lab, tmp_path):
    """A machine that has no `flock`."""
    lab.env["PATH"] = sudo(tmp_path / "bin")
    for name in ("sh", "rm", "cat", "id", "head", "tr", "sleep", "git"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    return lab


def test_a_target_without_flock_is_refused_in_words(without_flock):
    """Without it nobody could see an orphan there; so nothing is done."""
    lab = without_flock
    lab.runbook('steps.print_to(path=f"{room}/a", text="1", task="1", _sudo=True)')

    ran = lab.run()

    assert ran.code == 1
    assert "this target has no `flock`" in ran.said
    assert "Traceback" not in ran.said
    assert lab.read("a") is None
    assert lab.journal() == []


def test_a_line_that_runs_here_needs_no_program_for_its_guard(without_flock):
    """This process hands its own over, so a line costs no more processes than it starts itself."""
    without_flock.runbook('steps.print_to(path=f"{room}/a", text="1", task="1")')

    ran = without_flock.run()

    assert ran.code == 0, ran.said
    assert without_flock.read("a") == "1"

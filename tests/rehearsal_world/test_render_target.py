"""`@render/<service>`: plain pyinfra inside Render's network, by one-off jobs."""

import json
import os

import pytest
from rehearsal.render.records import EnvVar

from handrail.clients.errors import ClientError
from handrail.clients.patience import Patience
from handrail.clients.render import Render
from handrail.testing.lab import PYINFRA, Ran
from tests.operations.clones import cloned
from tests.operations.cloud import cloud, unused, write_app
from tests.operations.desk import forking
from tests.operations.short_waits import short_waits

__all__ = ["short_waits"]


@pytest.fixture(scope="module")
def service():
    """A web service that is live, with a variable of its own."""
    name = unused("inside")
    with cloned(write_app) as clone:
        env = [EnvVar("GREETING", "hello from inside")]
        made = cloud().add(cloud().service(name, clone.origin, env=env))
        yield made
        cloud().remove(name)


@pytest.fixture
def workspace():
    """A client of the workspace."""
    return Render.from_inventory(cloud().inventory)


@pytest.mark.parametrize(
    ("line", "status", "printed"),
    [
        ("echo $GREETING", 0, ["hello from inside"]),
        ("echo one; exit 3", 3, ["one"]),
        ("printf 'no newline\n'", 0, ["no newline"]),
        ("""echo "it's quoted"; false""", 1, ["it's quoted"]),
        ("true # only a comment", 0, []),
    ],
)
def test_a_job_tells_its_status_and_its_output(workspace, service, line, status, printed):
    """Whatever the line does: it exits by itself, holds quotes, ends in a comment."""
    ended = workspace.run_job(service.id, line, 30)

    assert (ended.status, list(ended.lines), ended.whole) == (status, printed, True)


def test_a_job_that_does_not_end_is_cancelled_and_told(workspace, service):
    """It must not go on by itself after the command has given up on it."""
    with pytest.raises(ClientError, match="did not end within 1 s"):
        workspace.run_job(service.id, "sleep 60", 1)

    assert cloud().running(service.name).jobs[-1].status == "canceled"


@pytest.fixture
def left_at_work(service, tmp_path):
    """A job that somebody who was killed left at work, its line, and what it writes when done."""
    done = tmp_path / "done"
    line = f"sleep 2; echo once >> '{done}'; echo through"
    with pytest.raises(Killed):
        Dying.from_inventory(cloud().inventory).run_job(service.id, line, 30)
    return cloud().running(service.name).jobs[-1], line, done


class Killed(BaseException):
    """Stands for the end of the process."""


def die(_seconds):
    """Die at a wait."""
    raise Killed


class Dying(Render):
    """A client whose process dies at its first wait."""

    patience = Patience(sleep=die)


def test_a_job_that_a_killed_attempt_left_is_taken_over(workspace, service, left_at_work):
    """Two migrations side by side get in each other's way; its output is told as one's own."""
    job, line, done = left_at_work

    ended = workspace.run_job(service.id, line, 30, take_over=True)

    assert (ended.status, ended.lines, ended.whole) == (0, ("through",), True)
    assert done.read_text() == "once\n"
    assert cloud().running(service.name).jobs[-1] is job


def test_a_job_of_another_line_is_let_be(workspace, service, left_at_work):
    """Only the very line is the same work."""
    job, line, _ = left_at_work

    assert workspace.run_job(service.id, f"true; {line}", 30, take_over=True).status == 0
    assert cloud().running(service.name).jobs[-1] is not job
    workspace.cancel_jobs(service.id, "sleep 2")
    assert job.status != "canceled"


def test_a_rollback_cancels_the_job_that_a_killed_attempt_left(workspace, service, left_at_work):
    """It would change the database after everything was put back."""
    job, line, done = left_at_work

    workspace.cancel_jobs(service.id, line)
    workspace.cancel_jobs(service.id, line)

    assert job.status == "canceled"
    assert not done.exists()


@pytest.fixture
def target(tmp_path, service):
    """Run pyinfra's own command line on a service as its target."""

    def run(*arguments, name=service.name):
        data = json.dumps(cloud().inventory)
        inventory = f"inside = (['@render/{name}'], {{'render': {data}}})\n"
        (tmp_path / "inside.py").write_text(inventory)
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        said = tmp_path / "said"
        said.write_text("")
        command = [str(PYINFRA), "-y", "inside.py", *arguments]
        return Ran(forking().run(command, tmp_path, env, said), said.read_text())

    return run


def test_plain_facts_and_shell_operations_work_there(target, tmp_path):
    """pyinfra does not know that it speaks to jobs."""
    (tmp_path / "deploy.py").write_text(
        "from pyinfra import host\n"
        "from pyinfra.facts.server import Command\n"
        "from pyinfra.operations import server\n"
        "print('FACT', host.get_fact(Command, command='echo $GREETING'))\n"
        "server.shell(name='Say it', commands=['echo $GREETING'])\n"
    )

    ran = target("deploy.py")

    assert ran.code == 0, ran.said
    assert "FACT hello from inside" in ran.said


def test_a_failing_command_fails_the_target_with_its_words(target):
    """Its exit status is read, though Render only tells success or failure."""
    ran = target("exec", "--", "echo why; exit 4")

    assert ran.code == 1
    assert "why" in ran.said


def test_copying_a_file_is_refused_in_words(target, tmp_path):
    """What is put there would be gone in the next job."""
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "copy.py").write_text(
        "from pyinfra.operations import files\nfiles.put(src='a.txt', dest='/tmp/a.txt')\n"
    )

    ran = target("copy.py")

    assert ran.code == 1
    assert "each job on Render starts from the service's build" in ran.said
    assert "Traceback" not in ran.said


def test_a_service_that_is_not_there_is_told(target):
    """As a target that cannot be connected to."""
    ran = target("exec", "--", "true", name="nothing")

    assert "service `nothing` was not found" in ran.said
    assert "Traceback" not in ran.said

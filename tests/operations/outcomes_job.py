"""What the gate says of a command that runs as a job inside Render's network."""

from handrail.engine.finding import Verdict
from tests.clients.conftest import MARK
from tests.operations.clones import cloned
from tests.operations.cloud import cloud, unused, write_app
from tests.operations.gates import outcome


def passes(stage, command, name=None):
    """Ask whether a command ends well as a job of a live service."""
    made = unused("job")
    clone = stage.stack.enter_context(cloned(write_app))
    cloud().add(cloud().service(made, clone.origin))
    stage.stack.callback(cloud().remove, made)
    return stage.ask(
        "job.passes",
        render=cloud().inventory,
        service=name or made,
        command=command,
        timeout_seconds=30,
    )


@outcome("job.passes", Verdict.PASS)
def it_ends_well(stage):
    """Exit status 0."""
    return passes(stage, "test -f app.py")


@outcome("job.passes", Verdict.FAIL)
def it_ends_otherwise(stage):
    """Its last lines are the reason."""
    found = passes(stage, "echo 2 tests failed; exit 1")
    assert "2 tests failed" in found.why
    return found


@outcome("job.passes", Verdict.ERROR)
def the_service_is_not_there(stage):
    """Nothing can be run on it."""
    return passes(stage, "true", name=f"no-{MARK[:4]}-service")

"""What the gates say that ask the ledger: of real entries in a real file."""

from handrail.engine.finding import Verdict
from handrail.ledger.entry import Event
from tests.operations.gates import outcome
from tests.operations.kept import BEGUN, Kept

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
ASKED = {
    "runbook": "cutover",
    "backups": ["9.1"],
    "soak": "11.3",
    "switched": "11.2",
    "window_seconds": 0,
    "drilled": False,
}


def kept(stage):
    """Return a ledger on a stage."""
    return Kept(stage.directory)


@outcome("interlock.is_over", PASS)
def all_of_it_is_on_record(stage):
    """Backed up, switched, watched."""
    return kept(stage).done("9.1", "11.2", "11.3").ask("interlock.is_over", **ASKED)


@outcome("interlock.is_over", PASS)
def it_is_overridden(stage):
    """What is missing is named all the same."""
    found = kept(stage).done("11.2", "11.3").ask("interlock.is_over", "interlock", **ASKED)
    assert "task 9.1 is no proven backup" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def it_was_never_run(stage):
    """Another runbook's run does not count."""
    return kept(stage).ask("interlock.is_over", **ASKED | {"runbook": "release"})


@outcome("interlock.is_over", FAIL)
def the_backup_is_in_doubt(stage):
    """Its end is not on record."""
    there = kept(stage).done("11.2", "11.3")
    there.say(Event.STEP_STARTED, "9.1", **BEGUN)
    found = there.ask("interlock.is_over", **ASKED)
    assert "task 9.1 is in doubt on web" in found.why
    assert "task 9.1 is no proven backup" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def the_watch_was_skipped(stage):
    """A skip with a reason is no proof; one without is named as well."""
    there = kept(stage).done("9.1", "11.2")
    there.say(Event.STEP_SKIPPED, "11.3")
    found = there.ask("interlock.is_over", **ASKED)
    assert "the watch of task 11.3 did not pass" in found.why
    assert "task 11.3 was skipped, with no reason" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def it_is_too_soon(stage):
    """A day has to pass."""
    there = kept(stage).done("9.1", "11.2", "11.3")
    found = there.ask("interlock.is_over", **ASKED | {"window_seconds": 86400})
    assert "1 day, 0:00:00 are asked for" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def it_was_not_drilled(stage):
    """No ledger beside it has a drill of it."""
    there = kept(stage).done("9.1", "11.2", "11.3")
    found = there.ask("interlock.is_over", **ASKED | {"drilled": True})
    assert "no drill" in found.why
    return found


@outcome("interlock.is_over", ERROR)
def the_ledger_was_changed(stage):
    """What is not as it was written proves nothing."""
    return kept(stage).done("9.1", "11.2", "11.3").ask("interlock.is_over", forged=True, **ASKED)


@outcome("way_back.fits", FAIL)
def nobody_measured_it(stage):
    """No data never passes."""
    found = kept(stage).done("9.1").ask("way_back.fits")
    assert "Nobody measured" in found.why
    return found


@outcome("way_back.fits", PASS)
def there_is_nothing_to_undo(stage):
    """Nothing takes no time."""
    return kept(stage).ask("way_back.fits")


@outcome("way_back.fits", PASS)
def the_budget_is_overridden(stage):
    """On record, with a reason."""
    return kept(stage).done("9.1").ask("way_back.fits", "budget")


@outcome("way_back.fits", ERROR)
def an_earlier_run_was_changed(stage):
    """Durations of a forged ledger count nothing."""
    return kept(stage).done("9.1", "11.2").ask("way_back.fits", forged=True)

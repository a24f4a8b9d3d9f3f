"""What is at stake while something stops: said first, with the command that ends it."""

from typing import Protocol

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.command import runbook_file, to_paste
from handrail.engine.attempt.going_back import rollback_file
from handrail.engine.attempt.measured import Timed, known
from handrail.ledger.entry import now
from handrail.ledger.run import Run
from handrail.ledger.views.ahead import about, at_stake
from handrail.ledger.views.stakes import Stake, stakes_on
from handrail.ledger.views.times import Estimate, remaining, way_back


class Staked(Timed, Protocol):
    """What is needed of an attempt."""

    calls: Calls
    choices: Choices


def stake_lines(attempt: Staked) -> list[str]:
    """Return a line for each thing at stake: what, since when, and the way back for people."""
    run = attempt.runs[attempt.run.undoes] if attempt.run.undoes else attempt.run
    lines = []
    for stake in stakes_on(run):
        ends_here = (stake.task, stake.target) in attempt.calls.undoing
        takes, command = _ahead(attempt) if ends_here else _back(attempt, run, stake)
        how_long = f"in {about(takes)}" if takes.known else "in a time that nobody measured"
        lines.append(f"{at_stake(stake)}. Users back {how_long}: {command}")
    return lines


def _back(attempt: Staked, run: Run, stake: Stake) -> tuple[Estimate, str]:
    """Return how long the way back is to where it began, and the command."""
    told = {"run": run.id, "reason": "…"} | ({"to": stake.back_to} if stake.back_to else {})
    command = to_paste(str(rollback_file()), **told)
    return way_back(run, known(attempt), stake.back_to), command


def _ahead(attempt: Staked) -> tuple[Estimate, str]:
    """Return how long a rollback takes still, and the command that goes on with it."""
    reason = attempt.choices.reason or "…"
    told = {"run": attempt.run.undoes, "reason": reason}
    told |= {"to": attempt.choices.to} if attempt.choices.to else {}
    return remaining(attempt.run, known(attempt), now()), to_paste(runbook_file(), **told)

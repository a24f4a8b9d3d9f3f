"""The rollback document: when to go back, whom to call, steps with their times, what is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from handrail.ledger.report.markdown import table, text
from handrail.ledger.report.model import Report
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about
from handrail.ledger.views.clock import Clock

STANDS, COMING, BACK = "done", "not done yet", "put back"


@dataclass(frozen=True)
class Way:
    """The way back of one call on one target, by its contract.

    Args:
        task: Id of the plan's task.
        target: Where.
        name: What it does.
        state: `done`, `not done yet` or `put back`.
        sentence: Its way back; empty where it has none.
        kept: Why it cannot be undone, and what to do instead; empty where it can.
        loses: What its way back does not bring back.
        keeps: Its way back keeps what others wrote since.
        seconds: How long that takes, where it was measured.
    """

    task: str
    target: str
    name: str
    state: str
    sentence: str
    kept: str
    loses: str
    keeps: bool
    seconds: float | None


@dataclass(frozen=True)
class Known:
    """What an inventory says of going back.

    Args:
        contacts: Whom to call.
        criteria: When to go back: name and bound.
    """

    contacts: Sequence[str]
    criteria: Mapping[str, str]


def render(report: Report, ways: Sequence[Way], clock: Clock, known: Known) -> Iterator[str]:
    """Yield the lines of the document.

    Args:
        report: The run.
        ways: The way back of each of its calls, the newest first.
        clock: What going back takes as things stand.
        known: What the inventory says.
    """
    yield f"# Rollback of {text(report.runbook)} on {text(report.environment)}"
    yield ""
    yield f"For run {text(report.run)}, as it stood at {plain.moment(report.ended_at)}."
    yield from ("", "## When to go back")
    told = [(name, bound) for name, bound in known.criteria.items()]
    yield from table(("Sign", "Bound"), told) if told else ("", "The inventory names no bounds.")
    yield from ("", "## Whom to call", "")
    yield from (f"- {text(each)}" for each in known.contacts or ["The inventory names nobody."])
    yield from ("", "## How long", "", f"{text(clock.words())}.", "")
    yield from (f"- to `{hold.label}`, {text(hold.name)}: {about(takes)}"
                for hold, takes in clock.to_holds)  # fmt: skip
    yield from _commands(report)
    yield from _steps(ways)
    yield from _kept(report, ways)
    yield from ("", "## Source", "")
    yield f"Ledger {text(report.verification['ledger'])}, head `{report.verification['head']}`."


def _commands(report: Report) -> Iterator[str]:
    inventory = next((each.inventory for each in reversed(report.attempts) if each.inventory), "")
    command = f"pyinfra {inventory or 'INVENTORY'} runbooks/rollback.py --data run={report.run}"
    yield from ("", "## Commands", "", f'    {command} --data reason="…" --dry')
    yield f'    {command} --data reason="…"'
    yield from (
        f'    {command} --data to={each["label"]} --data reason="…"' for each in report.holds
    )
    yield ""
    yield "The first shows it and changes nothing. Interrupted or failed: the same command again."


def _steps(ways: Sequence[Way]) -> Iterator[str]:
    yield from ("", "## Steps, newest first")
    yield from table(("Task", "Target", "Way back", "About", "Now"), [
        (each.task, each.target, each.sentence or f"stays: {each.kept}",
         plain.rough(each.seconds) if each.seconds is not None else
         "not measured" if each.sentence else "", each.state)
        for each in ways
    ])  # fmt: skip


def _kept(report: Report, ways: Sequence[Way]) -> Iterator[str]:
    """Yield what is lost, what stays, and where the state of now is kept for analysis."""
    yield from ("", "## What is kept, and what is lost", "")
    for each in ways:
        here = f"{each.task} on {each.target}"
        if each.keeps:
            yield f"- {text(here)}: what was written since is kept before it goes back."
        if each.loses:
            yield f"- {text(here)} loses: {text(each.loses)}."
        if each.kept:
            yield f"- {text(here)} cannot be undone: {text(each.kept)}."
    for task in report.tasks:
        for name in ("place", "report"):
            if isinstance(task.facts.get(name), str):
                yield f"- {text(task.name)} ({task.task}): `{task.facts[name]}`"
    yield "- the ledger with all that was done: `handrail export`, `handrail report --html FILE`"

"""The rollback document: when to go back, whom to call, steps with their times, what is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from handrail.ledger.chain import Head
from handrail.ledger.documents.source import source
from handrail.ledger.report.markdown import table, text
from handrail.ledger.run import Hold, Run
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
        state: `done`, `not done yet` or `put back`; empty where that is not told.
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
class Subject:
    """What a rollback document is about.

    Args:
        environment: Where.
        run: The run.
        inventory: The inventory's file, as it is typed.
        holds: The labelled places that it may go back to.
        head: The newest entry that counts.
        when: At which moment things stood so, to go on with after the run's id; may be empty.
        then: Of which moment its times are, to go on with after `about 5 min`.
    """

    environment: str
    run: Run
    inventory: str
    holds: Sequence[Hold]
    head: Head
    when: str
    then: str


@dataclass(frozen=True)
class Known:
    """What an inventory says of going back.

    Args:
        contacts: Whom to call.
        criteria: When to go back: name and bound.
    """

    contacts: Sequence[str]
    criteria: Mapping[str, str]


def render(
    subject: Subject,
    ways: Sequence[Way],
    clock: Clock,
    known: Known,
    measured: Callable[[str], str] = str,
) -> Iterator[str]:
    """Yield the lines of the document.

    Args:
        subject: What it is about.
        ways: The way back of each call, what a rollback begins with first.
        clock: What going back takes.
        known: What the inventory says.
        measured: Marks words that say how long something took, where they are to be told apart.
    """
    run = subject.run
    yield f"# Rollback of {text(run.runbook)} on {text(subject.environment)}"
    yield from ("", f"For run {text(run.id)}{subject.when}.")
    yield from ("", "## When to go back")
    told = known.criteria.items()
    yield from table(("Sign", "Bound"), told) if told else ("", "The inventory names no bounds.")
    yield from ("", "## Whom to call", "")
    yield from (f"- {text(each)}" for each in known.contacts or ["The inventory names nobody."])
    yield from ("", "## How long", "", measured(f"{text(clock.words(subject.then))}."), "")
    yield from (f"- to `{hold.label}`, {text(hold.name)}: {measured(about(takes))}"
                for hold, takes in clock.to_holds)  # fmt: skip
    yield from _commands(subject)
    yield from _steps(ways, measured)
    yield from _kept(run, ways)
    yield from source(subject.environment, subject.head)


def _commands(subject: Subject) -> Iterator[str]:
    run = subject.run
    command = f"pyinfra {subject.inventory} runbooks/rollback.py --data run={run.id}"
    yield from ("", "## Commands", "", f'    {command} --data reason="…" --dry')
    yield f'    {command} --data reason="…"'
    yield from (f'    {command} --data to={hold.label} --data reason="…"' for hold in subject.holds)
    yield ""
    yield "The first shows it and changes nothing. Interrupted or failed: the same command again."


def _steps(ways: Sequence[Way], measured: Callable[[str], str]) -> Iterator[str]:
    """Yield a line for each; how it stands now only where it is told."""
    names = ("Task", "Target", "Way back", "About")
    told = any(each.state for each in ways)
    yield from ("", "## Steps, newest first")
    yield from table((*names, "Now") if told else names, [_row(each, measured) for each in ways])


def _row(way: Way, measured: Callable[[str], str]) -> tuple[str, ...]:
    """Return a way back as a row of a table, with its state where that is told."""
    takes = "not measured" if way.seconds is None else plain.rough(way.seconds)
    row = (way.task, way.target, way.sentence or f"stays: {way.kept}",
           measured(takes) if way.sentence else "")  # fmt: skip
    return (*row, way.state) if way.state else row


def _kept(run: Run, ways: Sequence[Way]) -> Iterator[str]:
    """Yield what is lost, what stays, and where the state of now is kept for analysis."""
    yield from ("", "## What is kept, and what is lost", "")
    yield from chain.from_iterable(map(_price, ways))
    for task in run.tasks.values():
        call = task.declared
        for place in filter(_is_text, map(task.facts.get, ("place", "report"))):
            yield f"- {text(call.name)} ({call.task}): `{place}`"
    yield "- the ledger with all that was done: `handrail export`, `handrail report --html FILE`"


def _is_text(found: object) -> bool:
    return isinstance(found, str)


def _price(way: Way) -> Iterator[str]:
    """Yield what a way back keeps of what others wrote, what it loses, and why there is none."""
    here = text(f"{way.task} on {way.target}")
    if way.keeps:
        yield f"- {here}: what was written since is kept before it goes back."
    if way.loses:
        yield f"- {here} loses: {text(way.loses)}."
    if way.kept:
        yield f"- {here} cannot be undone: {text(way.kept)}."

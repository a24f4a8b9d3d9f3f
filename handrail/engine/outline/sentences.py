"""What a plan comes to, in sentences: who feels it, what cannot be undone, times, the way back."""

from collections.abc import Iterator

from handrail.engine.decide.decision import Do
from handrail.engine.outline.felt import Felt
from handrail.engine.outline.line import Line, targets_of
from handrail.engine.outline.outline import Outline
from handrail.ledger.arming import told_minutes
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about, back_now
from handrail.ledger.views.distance import noted


def sentences(found: Outline) -> Iterator[str]:
    """Yield what a plan comes to, the most urgent first."""
    undoes = bool(found.attempt.run.undoes)
    yield from (_left_on(each) if undoes else _felt(each) for each in found.stakes)
    yield from (_armed(line) for line in found.lines if line.confirm_minutes and line.is_busy)
    for line in found.lines:
        if line.kept and line.is_busy:
            yield f"Cannot be undone: {line.call.task} {line.call.name}: {line.kept}."
    if undoes:
        yield from _stays(found)
    if found.expected.tasks:
        yield _takes(found)
    if not undoes:
        yield from _way_back(found)


def _felt(felt: Felt) -> str:
    """Return who feels what, from when to when, how long."""
    text = f"{felt.text[:1].upper()}{felt.text[1:]}"
    begins = f"since {plain.clock(felt.since)} ({felt.task})" if felt.since else f"from {felt.task}"
    until = felt.until or "the end of the run"
    told = f"{text} {begins} until {until} is done: {about(felt.lasts)}."
    if not felt.left_on:
        return told
    how = f"`to={felt.back_to}`" if felt.back_to else "a rollback"
    return f"{told} The run would hold while that is so; a rollback with {how} ends it."


def _left_on(felt: Felt) -> str:
    """Return what a rollback leaves at stake, and which one ends it; capitals, as everywhere."""
    what = f"{felt.target}: {felt.text} since {plain.clock(felt.since)}".upper()
    ends = f"`to={felt.back_to}`" if felt.back_to else "no `to=`"
    return f"Stays at stake: {what}; a rollback with {ends} ends it."


def _armed(line: Line) -> str:
    """Return what becomes of a call that nobody confirms."""
    task, within = line.call.task, told_minutes(line.confirm_minutes)
    told = f"Armed: {task} is put back unless somebody confirms it within {within} of its end"
    return f"{told}: handrail confirm latest {task}."


def _stays(found: Outline) -> Iterator[str]:
    """Yield what a rollback leaves undone, and what is lost with what it undoes."""
    for line in found.lines:
        named = f"{line.call.task} on {targets_of(line)}"
        if line.decision.do is Do.KEEP:
            yield f"Stays undone: {named}: {line.decision.why}."
        elif line.decision.acts and line.loses:
            yield f"Is lost: with {named}: {line.loses}."
    attempt = found.attempt
    to = str(attempt.body.get("to", ""))
    if to:
        yield f"Stays as it is: everything up to {to}."
    for target in attempt.choices.without:
        yield f"Stays as it is: everything on `{target}`, which is left out."


def _takes(found: Outline) -> str:
    """Return how long all of it takes, and where that was measured."""
    measured = f"; measured on {', '.join(found.sources)}" if found.sources else ""
    way = noted(found.attempt.inventory.ledger)
    if measured and way is not None:
        measured += f", reckoned for {way * 1000:.0f} ms to the databases and back"
    return f"Expected: {about(found.expected)}{measured}."


def _way_back(found: Outline) -> Iterator[str]:
    """Yield what a way back takes, now and when all is done."""
    times = []
    if found.attempt.run.receipts():
        times.append(back_now(found.way_back))
    then = found.way_back_then
    if then.tasks and then.known:
        times.append(f"{about(then)}, once all of this is done")
    elif then.tasks and not times:
        times.append(about(then))
    if times:
        yield f"Way back: {'; '.join(times)}."

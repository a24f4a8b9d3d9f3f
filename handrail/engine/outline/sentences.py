"""What a plan comes to, in sentences: who feels it, what cannot be undone, times, the way back."""

from collections.abc import Iterator

from handrail.engine.decide.decision import Do
from handrail.engine.outline.felt import Felt
from handrail.engine.outline.line import Line, busy, targets_of
from handrail.engine.outline.outline import Outline
from handrail.ledger.arming import told_minutes
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about, back_now
from handrail.ledger.views.distance import noted
from handrail.ledger.views.times import Estimate
from handrail.naming import phrase


def sentences(found: Outline) -> Iterator[str]:
    """Yield what a plan comes to, the most urgent first."""
    undoes = bool(found.attempt.run.undoes)
    yield from map(_left_on if undoes else _felt, found.stakes)
    yield from _at_risk(found)
    if undoes:
        yield from _stays(found)
    if found.expected.tasks:
        yield _takes(found)
    if not undoes:
        yield from _way_back(found)


def _at_risk(found: Outline) -> Iterator[str]:
    """Yield what is put back unless somebody confirms it, and what cannot be."""
    at_work = busy(found.lines)
    yield from (_armed(line) for line in at_work if line.confirm_minutes)
    for line in at_work:
        if line.kept:
            yield f"Cannot be undone: {line.call.task} {line.call.name}: {line.kept}."


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
    yield from filter(None, map(_price, found.lines))
    attempt = found.attempt
    if to := attempt.body.get("to"):
        yield f"Stays as it is: everything up to {to}."
    for target in attempt.choices.without:
        yield f"Stays as it is: everything on `{target}`, which is left out."


def _price(line: Line) -> str:
    """Return what of a call a rollback does not bring back; empty where it brings all back."""
    named = f"{line.call.task} on {targets_of(line)}"
    if line.decision.do is Do.KEEP:
        return f"Stays undone: {named}: {line.decision.why}."
    lost = line.decision.acts and line.loses
    return f"Is lost: with {named}: {line.loses}." if lost else ""


def _takes(found: Outline) -> str:
    """Return how long all of it takes, and where that was measured."""
    measured = phrase("; measured on {}", ", ".join(found.sources))
    way = noted(found.attempt.inventory.ledger)
    if measured and way is not None:
        measured += f", reckoned for {way * 1000:.0f} ms to the databases and back"
    return f"Expected: {about(found.expected)}{measured}."


def _way_back(found: Outline) -> Iterator[str]:
    """Yield what a way back takes, now and when all is done."""
    now = back_now(found.way_back) if found.attempt.run.receipts() else ""
    times = [now, _once_done(found.way_back_then, now)]
    yield from filter(None, [phrase("Way back: {}.", "; ".join(filter(None, times)))])


def _once_done(then: Estimate, now: str) -> str:
    """Return what a way back takes when all is done; what nobody measured only if it is all."""
    if then.tasks and then.known:
        return f"{about(then)}, once all of this is done"
    return about(then) if then.tasks and not now else ""

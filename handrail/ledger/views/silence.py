"""News for whoever watches from another machine: what changed between two looks, and silence."""

from collections.abc import Iterable, Iterator

from handrail.ledger.views.ahead import at_stake
from handrail.ledger.views.live import Live
from handrail.ledger.views.notices import SENT, Notice
from handrail.ledger.views.stakes import Stake
from handrail.pages import one_line


def seen_from_outside(found: Live, before: Live | None) -> Iterator[Notice]:
    """Yield what somebody on another machine sees to have changed between two looks.

    Args:
        found: Now.
        before: The look before it; None: what is urgent now is news.
    """
    run, environment = found.run, found.evidence.environment
    for event, text, about in _seen(found, before):
        key = f"{environment}/{run.id}/{run.attempts}/{event}/{about}"
        at = found.now.isoformat()
        yield Notice(event, one_line(text), at, environment, run.id, key=key)


def _seen(found: Live, before: Live | None) -> Iterator[tuple[str, str, str]]:
    run = found.run
    if found.writer is not None and _is_silent(found) and not _is_silent(before):
        yield "run.silent", f"Run {run.id}: {found.writer.words}", found.writer.words[:20]
    if before is not None and run.outcome is not before.run.outcome and not found.at_work:
        event, word = SENT[run.outcome]
        yield event, f"Run {run.id} on {found.evidence.environment} {word}", run.outcome
    yield from _moved(before.stakes if before else [], found.stakes)


def _moved(was: list[Stake], now: list[Stake]) -> Iterator[tuple[str, str, str]]:
    """Yield what is at stake and was not, and the other way round."""
    for stake in _not_among(now, was):
        yield "stake.on", at_stake(stake), f"{stake.task}/{stake.since}"
    for stake in _not_among(was, now):
        yield "stake.off", f"{stake.target}: no longer so: {stake.text}", stake.task


def _not_among(these: Iterable[Stake], those: Iterable[Stake]) -> Iterator[Stake]:
    others = {each.key for each in those}
    return (each for each in these if each.key not in others)


def _is_silent(found: Live | None) -> bool:
    """Tell whether whoever carried it out was not heard of for too long, or is gone."""
    if found is None or found.writer is None:
        return False
    return (found.writer.silent or not found.writer.alive) and not found.run.is_over

"""What a runbook's durations are measured of: this ledger's history, and that of its neighbours."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.neighbours import neighbours
from handrail.ledger.proof import Proof, proofs_in
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.views.distance import by_distance, noted
from handrail.ledger.views.scale import by_rows
from handrail.ledger.views.times import Measured, history, measured


def known_times(
    environment: str,
    runs: Runs,
    run: Run,
    kept: Kept,
    round_trips: Mapping[str, int] | None = None,
    more: Iterable[Kept] = (),
    carried: Iterable[Proof] = (),
    *,
    before: str = "",
) -> Measured:
    """Return how long the tasks of a run take: measured here, else where it was tried.

    Args:
        environment: The one that asks.
        runs: Its runs.
        run: The run; a rollback takes what earlier rollbacks of the same runbook took.
        kept: Where its ledger is; ledgers of other environments, of a drill say, lie beside it.
        round_trips: By step, about how often it goes to a database and back; so what was measured
            nearer to it, or further away, is reckoned for the way from here.
        more: Where else ledgers of other environments are.
        carried: Proofs of drills whose ledgers are elsewhere; a run keeps the one it went by.
        before: Only runs that were opened before this moment count, RFC 3339; empty: all.
    """
    forward = runs[run.undoes] if run.undoes else run
    runbook = forward.runbook
    places = {str(each): each for each in chain(more, neighbours(kept)) if str(each) != str(kept)}
    own = _opened_before(history(runs, runbook), before)
    found = list(_elsewhere(places.values(), runbook))
    others = {each.environment: each.as_runs() for each in [*proofs_in(forward), *carried]}
    others |= {name: _opened_before(theirs, before) for name, theirs, _ in found if theirs}
    scale = by_rows(forward, {environment: own} | others)
    here = noted(kept.file)
    if here is not None and round_trips:
        then = {name: way for name, _, way in found} | {environment: here}
        scale = by_distance(scale, here, then, round_trips)
    return measured(environment, own, others).scaled(scale).saying(run.expected)


def _opened_before(runs: Iterable[Run], moment: str) -> list[Run]:
    return [each for each in runs if not moment or each.opened_at < moment]


def _elsewhere(places: Iterable[Kept], runbook: str) -> Iterator[tuple[str, list[Run], float]]:
    """Yield other environments: name, runs, the way to their databases in seconds, 0 if unknown.

    A ledger that cannot be read tells nothing.
    """
    for place in places:
        try:
            found = place.read()
            yield found.environment, list(history(found.runs(), runbook)), noted(place.file) or 0.0
        except RunbookError:
            continue

"""Tasks 13.2 and 13.3: the way back fits in what it may take, now and not only in the drill."""

from datetime import UTC, datetime

from handrail.engine import FROM_RUN, Finding, Record, fails, gate, holds


@gate(fix="shorten the way back; or go on, on record: `--data override=budget` with a reason")
def fits(*, record: Record = FROM_RUN) -> Finding:
    """A way back from here takes no longer than it may, as its steps were measured before.

    The inventory says what it may take (`undo_minutes`), and when the window ends (`window_ends`);
    steps that carry rows count as longer where there are more rows than in the drill.
    """
    clock = record.clock()
    p95 = round(clock.whole.p95_seconds, 1)
    if record.is_overridden("budget"):
        return holds(f"overridden; {clock.words()}", p95_seconds=p95)
    if why := clock.refusal(datetime.now(UTC)):
        return fails(why, p95_seconds=p95)
    if clock.fits is None:
        return fails(f"{clock.words()}; `handrail drill` measures it", p95_seconds=p95)
    return holds(clock.words(), p95_seconds=p95)

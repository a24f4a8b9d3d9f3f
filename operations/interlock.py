"""Task 14: nothing is destroyed before the ledger holds what makes that safe."""

from itertools import chain

from handrail.engine import FROM_RUN, FROM_TARGET, Finding, Record, fails, gate, holds

from .concluded import (
    is_proven,
    not_drilled,
    not_ended,
    not_long_enough,
    not_watched,
    unexplained,
)

OVERRIDE = '`--data override=interlock --data reason="…"`'


@gate(fix="do what is missing")
def is_over(
    *,
    runbook: str,
    backups: list[str],
    soak: str,
    switched: str,
    window_seconds: float = FROM_TARGET,
    drilled: bool = FROM_TARGET,
    record: Record = FROM_RUN,
) -> Finding:
    """The earlier runbook is over for good: backed up, watched long enough, drilled, no doubt left.

    The ledger is asked, nobody's memory. Each of the tasks named must be done and proven.
    """
    run = record.newest(runbook)
    again = f"pyinfra INVENTORY runbooks/{runbook}.py"
    if run is None:
        return fails(f"no run of `{runbook}` is on record here", again)
    unproven = (f"task {task} is no proven backup" for task in backups if not is_proven(run, task))
    steps = {
        again: [*not_ended(run), *unproven, *not_watched(run, soak)],
        "wait until then, then the same command again": list(
            not_long_enough(run, switched, window_seconds)
        ),
        f"handrail show {run.id}; say why with `--data settle=TASK#ATTEMPT:retry` and a reason":
            list(unexplained(run)),
        f"handrail drill inventory/staging.py runbooks/{runbook}.py":
            list(not_drilled(record, runbook)) if drilled else [],
    }  # fmt: skip
    return _finding(run.id, steps, is_overridden=record.is_overridden("interlock"))


def _finding(run: str, steps: dict[str, list[str]], *, is_overridden: bool) -> Finding:
    """Return what is missing, by the step that mends it; the first step is named."""
    missing = list(chain.from_iterable(steps.values()))
    if is_overridden:
        return holds(f"overridden; {'; '.join(missing) or 'nothing was missing'}", run=run)
    if not missing:
        return holds(f"run `{run}` is over", run=run)
    first = next(filter(steps.get, steps))
    return fails("; ".join(missing), f"{first}; or go on, on record: {OVERRIDE}")

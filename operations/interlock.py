"""Task 14: nothing is destroyed before the ledger holds what makes that safe."""

from handrail.engine import FROM_RUN, FROM_TARGET, Finding, Record, fails, gate, holds

from .concluded import is_proven, not_drilled, not_ended, not_soaked, unexplained


@gate(fix="do what is missing; or go on, on record: `--data override=interlock` with a reason")
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
    if run is None:
        return fails(f"no run of `{runbook}` is on record here")
    missing = [
        *not_ended(run),
        *(f"task {task} is no proven backup" for task in backups if not is_proven(run, task)),
        *not_soaked(run, soak, switched, window_seconds),
        *unexplained(run),
        *(not_drilled(record, runbook) if drilled else ()),
    ]
    if record.is_overridden("interlock"):
        return holds(f"overridden; {'; '.join(missing) or 'nothing was missing'}", run=run.id)
    return fails("; ".join(missing)) if missing else holds(f"run `{run.id}` is over", run=run.id)

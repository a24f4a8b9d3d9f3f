"""How far the databases are, as `handrail doctor` measured: what a task takes grows by its way.

It is noted in a file beside the ledger of an environment, for there may be no ledger yet.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from handrail.ledger.task import Declared
from handrail.ledger.views.times import Expected, Scale

SUFFIX = ".distance.json"


def note(ledger: Path, seconds: Mapping[str, float]) -> None:
    """Write down how long the way to each database and back takes.

    Args:
        ledger: File of the environment's ledger, which need not be there.
        seconds: By what the inventory calls the database.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: round(each, 6) for name, each in seconds.items()}, indent=1)
    ledger.with_suffix(SUFFIX).write_text(f"{text}\n", encoding="utf-8")


def noted(ledger: Path) -> float | None:
    """Return the longest of the ways that were measured, in seconds; None where none was."""
    try:
        found = json.loads(ledger.with_suffix(SUFFIX).read_text(encoding="utf-8"))
        return max(map(float, found.values()), default=None)
    except (OSError, ValueError, AttributeError, TypeError):
        return None  # none, or none of ours


def by_distance(
    scale: Scale, here: float, then: Mapping[str, float], round_trips: Mapping[str, int]
) -> Scale:
    """Return by how much longer a task takes, with its way to databases that are further away.

    Args:
        scale: By how much longer it takes for other reasons.
        here: The way there and back, in seconds.
        then: The same, by the environment that tasks were measured in; 0 where it is not known.
        round_trips: About how often a step goes that way, by its name.
    """

    def further(call: Declared, found: Expected) -> float:
        factor, trips = scale(call, found), round_trips.get(call.step, 0)
        if not trips or not found.seconds:
            return factor
        more = trips * (here - then.get(found.source, 0.0))
        return max(factor + more / found.seconds, 0.0)

    return further

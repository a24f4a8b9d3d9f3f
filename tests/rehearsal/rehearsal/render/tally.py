"""How often each call was made, how fast calls came, and which answers are none of Render's."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from rehearsal.wire import Answer

MINUTE_SECONDS = 60.0
LIMITED = 429
KEPT_PROBLEMS = 3  # of each call, to be read by a person


@dataclass
class Count:
    """What became of one call, such as ``GET /services/*``."""

    statuses: Counter[int] = field(default_factory=Counter)
    invalid: int = 0
    problems: list[str] = field(default_factory=list)

    def json(self, call: str) -> dict[str, Any]:  # Any: JSON
        """Return one line of the table."""
        return {
            "call": call,
            "calls": self.statuses.total(),
            "limited": self.statuses[LIMITED],
            "invalid": self.invalid,
            "problems": self.problems,
        }


class Tally:
    """Every call since it was last made new."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Count from nothing."""
        self.counts: dict[str, Count] = defaultdict(Count)
        self._reads: deque[float] = deque()
        self.peak = 0

    def note(self, call: str, answer: Answer, at: float, problem: str | None) -> None:
        """Count one call.

        Args:
            call: Method and path, identities as ``*``.
            answer: What was answered.
            at: Seconds of a clock that only goes forward.
            problem: What makes the answer none of Render's; None where nothing does, or where
                nobody looked.
        """
        count = self.counts[call]
        count.statuses[answer.status] += 1
        if problem is not None:
            count.invalid += 1
            count.problems = [*count.problems, problem][:KEPT_PROBLEMS]
        if call.startswith("GET"):
            self._reads.append(at)
            while self._reads[0] <= at - MINUTE_SECONDS:
                self._reads.popleft()
            self.peak = max(self.peak, len(self._reads))

    def json(self) -> dict[str, Any]:  # Any: JSON
        """Return the table, the call made most often first."""
        rows = [count.json(call) for call, count in self.counts.items()]
        rows.sort(key=lambda row: (-row["calls"], row["call"]))
        return {
            "calls": sum(row["calls"] for row in rows),
            "limited": sum(row["limited"] for row in rows),
            "invalid": sum(row["invalid"] for row in rows),
            "most_reads_a_minute": self.peak,
            "by_call": rows,
        }


def table(told: dict[str, Any], *, validated: bool) -> list[str]:  # Any: JSON
    """Return a tally as lines for a person.

    Args:
        told: What `Tally.json` returned.
        validated: Whether answers were held against Render's document.
    """
    shown = [
        f"    {row['calls']:>5}  {row['limited']:>7}  "
        f"{row['invalid'] if validated else '-':>7}  {row['call']}"
        for row in told["by_call"]
    ]
    said = [
        f"Render was asked {told['calls']} times",
        f"at most {told['most_reads_a_minute']} reads in a minute",
        f"{told['limited']} refused for their number",
    ]
    if validated:
        said.append(f"{told['invalid']} answers that are none of Render's")
    head = f"    {'calls':>5}  {'limited':>7}  {'invalid':>7}"
    return [", ".join(said), head, *shown]

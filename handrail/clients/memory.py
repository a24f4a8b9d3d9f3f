"""What a client of a service read a moment ago: lists, names, and how far clocks are apart."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

Rows = list[dict[str, Any]]  # Any: JSON


@dataclass
class Memory:
    """Lists that are still young enough, and what never changes.

    Args:
        names: Names of services by their ids.
        ahead: How far Render's clock is ahead of this machine's; None before any answer.
    """

    names: dict[str, str] = field(default_factory=dict)
    ahead: timedelta | None = None
    _lists: dict[str, tuple[Rows, float]] = field(default_factory=dict)

    def forget(self, written: str = "") -> None:
        """Let every list be read anew that a write may have changed; all where none is named.

        Args:
            written: Path that was written to. What is stored beside a service's settings does not
                show in the list of services.
        """
        parts = written.split("/")
        if parts[1:2] != ["services"]:
            self._lists.clear()
            return
        stored = parts[3:4] == ["env-vars"]
        stale = ("/".join(parts[:4]),) if stored else ("/".join(parts[:3]), "/services ")
        self._lists = {key: kept for key, kept in self._lists.items() if not key.startswith(stale)}

    def recall(self, key: str, now: float) -> Rows | None:
        """Return a list while it is young enough."""
        found, until = self._lists.get(key, ([], 0.0))
        return found if now < until else None

    def keep(self, key: str, found: Rows, until: float) -> None:
        """Keep a list until a moment of the monotonic clock."""
        self._lists[key] = (found, until)

    def hear(self, date: str) -> None:
        """Learn from the Date of an answer what time it is there, to a second."""
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        ahead = told - datetime.now(UTC)
        # A Date is cut to whole seconds; so little is no difference.
        self.ahead = ahead if abs(ahead) > timedelta(seconds=1.5) else timedelta()


@dataclass
class Memories:
    """The memories of a process, where its clients share them."""

    shared: bool = False
    known: dict[tuple[str, ...], Memory] = field(default_factory=dict)

    def of(self, *who: str) -> Memory:
        """Return what is remembered of somebody; nothing yet where memories are not shared."""
        return self.known.setdefault(who, Memory()) if self.shared else Memory()

    def share(self) -> None:
        """Share them from now on, as the steps of one attempt may.

        Steps follow each other within seconds, and each would read the same lists again.
        """
        self.shared = True
        self.known.clear()


MEMORIES = Memories()

"""What the engine needs of a ledger, wherever it is kept: a backend is one class of this shape."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from handrail.ledger.chain import Head
from handrail.ledger.entry import BESIDE, Entry, Event, now, plain, storable, timestamp
from handrail.ledger.errors import RunLocked
from handrail.ledger.lease import SECONDS, AtWork, Lease, Owner
from handrail.ledger.runs import History, Runs


@dataclass(frozen=True)
class Fact:
    """What an append says; the ledger adds number, time, token and hash."""

    event: Event
    run: str
    attempt: int
    actor: str
    task: str = ""
    step: str = ""
    target: str = ""
    reason: str = ""
    body: Mapping[str, Any] | None = None  # Any: JSON

    def entry(self, environment: str, token: int, after: Head) -> Entry:
        """Return the entry it becomes after another one, without its digest."""
        return Entry(
            seq=after.seq + 1,
            run=_column(self.run),
            attempt=self.attempt,
            at=timestamp(now()),
            event=self.event,
            task=_column(self.task),
            step=_column(self.step),
            target=_column(self.target),
            actor=_column(self.actor),
            reason=_column(self.reason),
            token=token,
            body=plain(self.body or {}),
            prev=after.sha256,
            environment=environment,
        )


def _column(text: str) -> str:
    """Return a text that every database takes in a column; PostgreSQL has no NUL."""
    return storable(text).replace("\0", "\ufffd")


def refuse_not_beside(facts: Sequence[Fact]) -> None:
    """Raise where something that only the holder of the lease may say is said without it."""
    for fact in facts:
        if fact.event not in BESIDE:
            raise ValueError(f"`{fact.event}` is not said beside a run")


def still_written(token: int) -> RunLocked:
    """Return the refusal of what nobody may do while somebody writes under a token."""
    return RunLocked(
        "nothing was moved or changed",
        f"somebody is at work on this environment, under token {token}",
        "wait for it to end (`handrail status` shows where it stands), then the same command again",
    )


class Readable(History, Protocol):
    """A ledger as it is, or as it once was, for whoever only reads it."""

    @property
    def environment(self) -> str:
        """Whose it is."""

    def runs(self) -> Runs:
        """Return the runs on record."""

    def trusted_head(self) -> Head:
        """Return the newest entry, with the chain checked from the last anchor on."""


class Ledger(Readable, Protocol):
    """What the engine and the `handrail` command need of a ledger, wherever it is kept."""

    environment: str
    made_at: str  # when it was made, to the microsecond: no other of that name has it

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first, with the chain checked."""

    def since(self, seq: int) -> list[Entry]:
        """Return the entries after a number."""

    def append(self, facts: Sequence[Fact], token: int, *, durable: bool = True) -> list[Entry]:
        """Record facts under a current token, all or none; durable ones outlive a power cut."""

    def append_beside(self, facts: Sequence[Fact]) -> list[Entry]:
        """Record what is said beside a run, without the lease; on disk when this returns."""

    def between(self, first: int, last: int) -> Iterator[Entry]:
        """Yield entries by number, each checked by itself; a page at a time."""

    def move_out(self, upto: Head, said: Fact) -> None:
        """Forget the entries up to one, and say where they lie, in one transaction."""

    def move_in(self, entries: Iterable[Entry], said: Fact) -> None:
        """Take entries back in front of the first, and say so, in one transaction."""

    def vault(self) -> str:
        """Return the fingerprint of the vault it was written with; empty before the first."""

    def bind_vault(self, fingerprint: str) -> None:
        """Remember the vault it is written with; the first one stays."""

    def writer(self) -> AtWork | None:
        """Return who holds the lease, and for how long it was not heard of."""

    def refuse_held(self, takeover: str = "") -> None:
        """Raise while somebody else is the writer."""

    def take_lease(self, owner: Owner, seconds: float = SECONDS, takeover: str = "") -> Lease:
        """Become the one writer."""

    def refuse_stale(self, token: int) -> None:
        """Raise where a token is not that of the lease any more, by what the store says now."""

    def beat(self, token: int) -> None:
        """Say that the writer is alive; safe in a thread of its own."""

    def release_lease(self, token: int, anchor: Head | None = None) -> None:
        """Stop being the writer, and say up to where the chain was checked."""


class NoLedger:
    """An environment in which nothing was run yet: planning reads it and leaves no file behind."""

    def __init__(self, environment: str) -> None:
        self.environment, self.made_at = environment, ""

    def trusted_head(self) -> Head:
        """Return the place before the first entry."""
        return Head()

    def runs(self) -> Runs:
        """Return no runs."""
        return Runs(None)

    def vault(self) -> str:
        """Return nothing: nothing was sealed."""
        return ""

    def refuse_held(self, takeover: str = "") -> None:
        """Refuse nothing: nobody ever held it."""

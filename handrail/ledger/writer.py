"""The hand that writes: one process, one token, one connection, and as few syncs as will do."""

import time
from dataclasses import dataclass, field
from threading import RLock

from handrail.ledger.chain import Head
from handrail.ledger.entry import Entry, Event
from handrail.ledger.lease import Lease
from handrail.ledger.seam import Fact, Ledger

# On disk before the effect they announce; what was recorded before goes along.
INTENTS = {Event.STEP_STARTED}
DURABLE = INTENTS | {Event.ATTEMPT_ENDED}


@dataclass(eq=False)
class _Waiting:
    fact: Fact
    entry: Entry = field(init=False, repr=False)
    written: bool = False


class Writer:
    """What the holder of a lease may do with its ledger."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self.ledger = ledger
        self.lease = lease
        self._waiting: list[_Waiting] = []
        self._turn = RLock()
        self._head: Head | None = None  # what it wrote last

    def record(self, fact: Fact) -> Entry:
        """Record a fact; an intent is on disk when this returns.

        Intents of several targets share a sync: each waits for the others that are ready, which
        pyinfra makes of any sleep, and whoever comes back first writes for all.

        Raises:
            RunLocked: another process took over.
            LedgerUnwritable: the ledger does not take it; nothing may be done.
        """
        mine = _Waiting(fact)
        self._waiting.append(mine)
        try:
            if fact.event in INTENTS:
                time.sleep(0)
            with (
                self._turn
            ):  # a server's answer is waited for; what is on its way is not sent twice
                if not mine.written:
                    if mine not in self._waiting:  # whoever was to write it was refused
                        self._waiting.append(mine)
                    self._write()
        finally:
            if mine in self._waiting:  # let go of while it waited
                self._waiting.remove(mine)
        return mine.entry

    def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        durable = any(each.fact.event in DURABLE for each in batch)
        facts = [each.fact for each in batch]
        entries = self.ledger.append(facts, self.lease.token, durable=durable)
        for each, entry in zip(batch, entries, strict=True):
            each.entry, each.written = entry, True
            self._head = Head(entry.seq, entry.sha256)

    def refuse_stale(self) -> None:
        """Raise where another process took over: nothing more may be done.

        Raises:
            RunLocked: it did.
        """
        self.ledger.refuse_stale(self.lease.token)

    def beat(self) -> None:
        """Say that this process is alive."""
        self.ledger.beat(self.lease.token)

    def release(self) -> None:
        """Stop being the writer; the next one need not check again what this one did."""
        self.ledger.release_lease(self.lease.token, self._head)

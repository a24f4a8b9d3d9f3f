"""What people say of a run beside it: approvals and confirmations, read from its entries."""

import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from handrail.ledger.entry import Entry, Event, canonical
from handrail.ledger.run import Run

APPROVE = "person.approve"  # the gate that waits for approvals
NAMESPACE = "handrail-approval"  # of an approval's signature, so that it is good for nothing else


def os_user() -> str:
    """Return whom the operating system knows this process by; no variable changes that."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def approval_text(environment: str, run: str, task: str, plan: str, role: str, at: str) -> str:
    """Return the text that an approver signs: canonical JSON of what is approved, and when."""
    said = {"environment": environment, "run": run, "task": task, "plan": plan}
    return canonical(said | {"role": role, "at": at})


@dataclass(frozen=True)
class Approval:
    """One person's word that a task may go on."""

    actor: str
    at: datetime
    role: str
    plan: str
    signature: str
    text: str  # what the signature is of

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read it from its entry."""
        body = {name: str(entry.body.get(name, "")) for name in ("role", "plan", "signature", "at")}
        at = body["at"] or entry.at
        text = approval_text(
            entry.environment, entry.run, entry.task, body["plan"], body["role"], at
        )
        # Whoever writes an entry sets no time of his own into the future.
        moment = min(datetime.fromisoformat(at), datetime.fromisoformat(entry.at))
        return cls(entry.actor, moment, body["role"], body["plan"], body["signature"], text)

    def ends(self, minutes: float) -> datetime:
        """Return until when it counts."""
        return self.at + timedelta(minutes=minutes)


def approvals(run: Run, task: str) -> list[Approval]:
    """Return the last word of each person on a task, where it approves."""
    words: dict[str, Entry] = {}
    for entry in (each for each in run.beside if each.task == task):
        if entry.event is Event.APPROVAL_GIVEN:
            words[f"{entry.actor} {entry.body.get('signature', '')}"] = entry
        elif entry.event is Event.APPROVAL_WITHDRAWN:
            words = {who: each for who, each in words.items() if each.actor != entry.actor}
    return [Approval.of(entry) for entry in words.values()]


@dataclass(frozen=True)
class Confirmed:
    """Where a task that a person does stands."""

    state: str  # as before, asked, done
    by: str = ""
    at: str = ""
    said: str = ""

    def after(self, entry: Entry, run: str) -> "Confirmed":
        """Return where it stands after one more entry about it, of its run or of a rollback."""
        asked = entry.event is Event.STEP_STARTED and entry.run == run
        if asked and self.state == AS_BEFORE:
            return Confirmed(ASKED, at=entry.at)
        if entry.event is not Event.PERSON_CONFIRMED:
            return self
        state = DONE if entry.run == run else AS_BEFORE
        return Confirmed(state, entry.actor, entry.at, str(entry.body.get("with", "")))


AS_BEFORE, ASKED, DONE = "as before", "asked", "done"


def confirmed(entries: Iterable[Entry], run: str, task: str, target: str) -> Confirmed:
    """Return where a person's task stands, from the entries of its run and of its rollbacks.

    What was asked of a person may be done, whoever said nothing: only a confirmation in a rollback
    makes it as before.
    """
    found = Confirmed(AS_BEFORE)
    for entry in entries:
        if entry.task == task and entry.target in ("", target):
            found = found.after(entry, run)
    return found

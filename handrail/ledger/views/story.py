"""Whether a ledger's entries tell something that can have happened, read one after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.ledger.entry import ARCHIVE, BESIDE, NO_TOKEN, Event

Key = tuple[str, str, str]  # run, task, target

# Events that may stand before an attempt has started, in the order in which it writes them.
_BEFORE_THE_START = {Event.LOCK_TAKEN_OVER, Event.RUN_OPENED}

_KNOWN = {str(each): each for each in Event}  # `Event(…)` takes several times as long
_ENDS = {Event.RUN_PROVEN, Event.RUN_ROLLED_BACK}
_ANSWERS = {Event.STEP_CHANGED, Event.STEP_FAILED, Event.GATE_PASSED, Event.GATE_CLOSED}
_ACTED = {Event.STEP_CHANGED, Event.STEP_FAILED}  # most entries are these and their intents
_FREE = {Event.GATE_OPENED, Event.STEP_REFUSED}  # may come at any time, as an intent may
# What begins or ends neither an attempt nor a run: most of what an attempt writes.
_WITHIN = {each for each in Event if each.startswith(("step.", "gate."))}
_SETTLING = {
    Event.STEP_CHANGED,
    Event.STEP_UNCHANGED,
    Event.STEP_CONFIRMED,
    Event.STEP_ADOPTED,
    Event.STEP_SKIPPED,
    Event.STEP_ROLLED_BACK,
    Event.GATE_PASSED,
}


@dataclass
class _Attempt:
    """What one holder of the lease wrote."""

    token: int
    run: str = ""
    number: int = 0
    started: bool = False
    ended: bool = False


@dataclass
class Story:
    """What is known after the entries so far."""

    current: _Attempt | None = None
    attempts: dict[str, int] = field(default_factory=dict)  # by run
    undoes: dict[str, str] = field(default_factory=dict)  # rollback -> the run it undoes
    declared: dict[str, list[Key]] = field(default_factory=dict)  # by run
    intents: dict[Key, int] = field(default_factory=dict)  # begun in this attempt, without outcome
    doubtful: set[Key] = field(default_factory=set)  # begun, and not known to have ended
    aside: set[Key] = field(default_factory=set)  # a doubt that an operator said to skip
    receipts: set[Key] = field(default_factory=set)  # what a rollback would undo
    settled: set[Key] = field(default_factory=set)
    known: set[Key] = field(default_factory=set)  # settled once, whatever was refused since
    windows: set[Key] = field(default_factory=set)  # gates that were opened and not answered
    impossible: list[str] = field(default_factory=list)  # about the entry that was taken last

    def counts(self) -> tuple[int, int]:
        """Return how many runs and attempts there were."""
        return len(self.attempts), sum(self.attempts.values())

    def take(self, row: Mapping[str, Any]) -> list[str]:  # Any: a ledger's columns
        """Go on by one entry, its body read; return what is impossible about it."""
        if self.impossible:
            self.impossible = []
        self._take(row)
        return self.impossible

    def _tell(self, what: str) -> None:
        self.impossible.append(what)

    def _take(self, row: Mapping[str, Any]) -> None:  # Any: as above
        event = _KNOWN.get(row["event"])
        if event is None:
            self._tell(f"event `{row['event']}` is not known")
            return
        try:
            if event in BESIDE or row["token"] == NO_TOKEN:
                self._beside(event, row)
            else:
                self._written(event, row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._tell(f"it lacks what `{event}` has to say: {error!r}")

    def _written(self, event: Event, row: Mapping[str, Any]) -> None:  # Any: as above
        """What an attempt writes is about its run, and most of it about a task."""
        if event not in _WITHIN or not self._goes_on(row):
            self._writer(event, row)
            self._run(event, row, row["body"])
        if row["task"]:
            self._task(event, row)
        if event is Event.STEP_MOVED:
            self._move((row["run"], row["task"], row["target"]), str(row["body"]["to"]))

    def _beside(self, event: Event, row: Mapping[str, Any]) -> None:
        """What is said beside a run needs no lease, has no token, and is about a run that is."""
        if event not in BESIDE:
            self._tell(f"`{event}` was written without the lease")
        elif row["token"] != NO_TOKEN:
            self._tell(f"`{event}` is said without the lease, and it has token {row['token']}")
        elif row["run"] not in self.attempts and row["run"] not in ("", ARCHIVE):
            self._tell(f"run `{row['run']}` was never opened")

    def _goes_on(self, row: Mapping[str, Any]) -> bool:
        """Say whether an entry is one more of the attempt at work, of a run that was opened."""
        current = self.current
        return (
            current is not None
            and row["token"] == current.token
            and row["run"] == current.run
            and row["attempt"] == current.number
            and current.started
            and not current.ended
            and current.run in self.attempts
        )

    def _writer(self, event: Event, row: Mapping[str, Any]) -> None:
        """One attempt writes at a time, each under a token higher than all before."""
        current = self.current
        if current is None or row["token"] > current.token:
            self._overlap(event)
            self.current = current = _Attempt(row["token"])
        elif row["token"] < current.token:
            self._tell(
                f"its token {row['token']} was stale: an attempt with token "
                f"{current.token} wrote before it"
            )
            return
        if current.ended:
            self._tell(
                f"it was written after attempt {current.number} of `{current.run}` had ended"
            )
        if event is Event.ATTEMPT_STARTED:
            self._start(current, row)
        elif event not in _BEFORE_THE_START:
            self._own(current, event, row)
        current.ended |= event is Event.ATTEMPT_ENDED

    def _overlap(self, event: Event) -> None:
        """A new token comes after the end of the attempt before, or takes over from it."""
        before = self.current
        if before is not None and not before.ended and event is not Event.LOCK_TAKEN_OVER:
            self._tell(
                f"it overlaps attempt {before.number} of `{before.run}`, which had not "
                "ended, and no takeover is on record"
            )

    def _start(self, current: "_Attempt", row: Mapping[str, Any]) -> None:  # Any: as above
        """A token is of one attempt."""
        if current.started:
            self._tell(f"a second attempt starts under token {current.token}")
        current.run, current.number, current.started = row["run"], row["attempt"], True

    def _own(self, current: "_Attempt", event: Event, row: Mapping[str, Any]) -> None:  # Any: above
        """What is written under a token is of its attempt, but for the end of the run it undoes."""
        closing = event is Event.RUN_ROLLED_BACK and self.undoes.get(current.run) == row["run"]
        if not current.started:
            self._tell("no attempt had started under its token")
        elif (row["run"], row["attempt"]) != (current.run, current.number) and not closing:
            self._tell(
                f"it was written in attempt {current.number} of `{current.run}`, not its own"
            )

    def _run(self, event: Event, row: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """A run is opened once, its attempts count up, and its end is what its tasks say."""
        run = row["run"]
        if event is Event.RUN_OPENED:
            self._open(run, str(body.get("undoes", "")))
        elif run not in self.attempts:
            if event is not Event.LOCK_TAKEN_OVER:  # comes before the run it makes way for
                self._tell(f"run `{run}` was never opened")
        elif event is Event.ATTEMPT_STARTED:
            if row["attempt"] != self.attempts[run] + 1:
                self._tell(f"attempt {row['attempt']} follows attempt {self.attempts[run]}")
            self.attempts[run] = row["attempt"]
            self.declared[run] = [(run, task, target) for task, _, target, _ in body["declared"]]
            self.intents.clear()
        elif event in _ENDS:
            self._end(event, run)

    def _open(self, run: str, undoes: str) -> None:
        """A run is opened once."""
        if run in self.attempts:
            self._tell(f"run `{run}` was opened before")
        self.attempts.setdefault(run, 0)
        if undoes:
            self.undoes[run] = undoes

    def _end(self, event: Event, run: str) -> None:
        """Tell what is not settled of a run that is said to be through."""
        if event is Event.RUN_PROVEN:
            said, keys = "proven", self.declared.get(run, [])
        else:
            said, keys = "rolled back", list(self._left(run))
        for key in keys:
            if key not in self.settled or key in self.doubtful:
                self._tell(f"run `{run}` is called {said}, and task {key[1]} on `{key[2]}` is open")

    def _left(self, run: str) -> Iterator[Key]:
        """Yield what the rollback at work has to settle: the receipts of the run it undoes."""
        rollback = self.current.run if self.current else ""
        return ((rollback, task, target) for of, task, target in self.receipts if of == run)

    def _task(self, event: Event, row: Mapping[str, Any]) -> None:
        """Each outcome follows an intent, each answer of a gate its opening."""
        key = (row["run"], row["task"], row["target"])
        if event is Event.STEP_STARTED:
            self._begin(key, row["attempt"])
            return
        if event not in _FREE:
            self._forbidden(event, key, row["attempt"])
        if event is Event.GATE_OPENED:
            self.windows.add(key)
        elif event is Event.STEP_ROLLED_BACK:
            self._put_back(key)
        self._set_aside(event, key)
        if event in _ANSWERS:
            self.intents.pop(key, None)
            self.windows.discard(key)
        if event in _SETTLING:
            self.settled.add(key)
            self.known.add(key)
            self.doubtful.discard(key)
        else:
            self.settled.discard(key)

    def _put_back(self, key: Key) -> None:
        """What is put back is of the undone run, and nothing is left of it there."""
        undone = self._undone(key)
        self.receipts -= {undone, key}
        for known in (self.settled, self.known, self.doubtful):
            known.discard(undone)

    def _begin(self, key: Key, attempt: int) -> None:
        """An effect may follow, or not: until its outcome it is in doubt."""
        self.intents[key] = attempt
        self.doubtful.add(key)
        self.receipts.add(key)
        self.aside.discard(key)
        self.settled.discard(key)

    def _set_aside(self, event: Event, key: Key) -> None:
        """A doubt that is skipped stays one: what is there later may be adopted all the same."""
        if event is Event.STEP_SKIPPED and key in self.doubtful:
            self.aside.add(key)
        elif event in _SETTLING:
            self.aside.discard(key)

    def _move(self, key: Key, task: str) -> None:
        """Go on with an act under the id that its call has now."""
        renamed = (key[0], task, key[2])
        for known in (self.doubtful, self.aside, self.receipts):
            if key in known:
                known.discard(key)
                known.add(renamed)

    def _forbidden(self, event: Event, key: Key, attempt: int) -> None:
        if event in _ACTED:
            if self.intents.get(key) != attempt:
                self._tell(f"`{event}` without an intent before it in the same attempt")
            return
        match event:
            case Event.STEP_MOVED if key not in self.doubtful:
                self._tell("`step.moved` without an interrupted act before it")
            case Event.STEP_ADOPTED if key not in self.doubtful | self.aside:
                self._tell("`step.adopted` without an interrupted act before it")
            case Event.STEP_UNCHANGED if key in self.doubtful:
                self._tell("`step.unchanged`, while an act before it is in doubt")
            case Event.STEP_CONFIRMED if key not in self.receipts | self.known:
                self._tell("`step.confirmed` without an outcome before it")
            case Event.STEP_ROLLED_BACK if self._undone(key) not in self.receipts:
                self._tell("`step.rolled_back` without a receipt in the run it undoes")
            case Event.GATE_SAMPLED | Event.GATE_PASSED | Event.GATE_CLOSED if (
                key not in self.windows
            ):
                self._tell(f"`{event}` without `gate.opened` before it")
            case _:
                pass

    def _undone(self, key: Key) -> Key:
        """Return the task of the undone run that a task of a rollback puts back."""
        return (self.undoes.get(key[0], ""), key[1], key[2])

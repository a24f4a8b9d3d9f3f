"""What an operator sees while a runbook is carried out: where it is, since when, how long still.

A line where a call begins to act, one where it ends, and one that changes in between: at a
terminal it is drawn anew each second, elsewhere it is a line of at most one a minute.
"""

import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from logging import LogRecord

import click
import gevent  # type: ignore[import-untyped]  # it has no types of its own

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.beside import owner
from handrail.engine.attempt.measured import known
from handrail.engine.telling import tell_doing_to
from handrail.ledger.arming import armed_of
from handrail.ledger.entry import Entry, Event, now
from handrail.ledger.task import Declared, Standing, Task
from handrail.ledger.views import plain
from handrail.ledger.views.times import Estimate, Expected, elapsed
from handrail.naming import phrase
from handrail.pages import one_line

TICK_SECONDS = 1.0
SAY_EVERY_SECONDS = 60.0  # where nothing can be drawn anew
CLEAR = "\033[K"
# Lines of pyinfra's that say less than ours, or of a target that a call is not for.
QUIET = re.compile(
    r"--> (Starting .*operation:|Beginning operation run|Results:|Detected changes:)"
    r"|\[.*\]\s+(Skipped|Success|No changes)$"
)
BEGINS = {Event.STEP_STARTED, Event.GATE_OPENED}
ENDS = {
    Event.STEP_CHANGED: "changed",
    Event.STEP_ROLLED_BACK: "put back",
    Event.GATE_PASSED: "passed",
}
WORDS = {
    Event.STEP_REFUSED: "refused",
    Event.STEP_FAILED: "failed",
    Event.GATE_CLOSED: "closed",
    Event.STEP_ADOPTED: "adopted",
    Event.STEP_SKIPPED: "skipped",
    Event.STEP_UNCHANGED: "unchanged",
    Event.STEP_CONFIRMED: "unchanged",
    Event.STEP_ROLLED_BACK: "as before",
}
Key = tuple[str, str]


@dataclass
class Activity:
    """One call at work on one target."""

    call: Declared
    expected: Expected | None
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)
    doing: str = ""  # how far it is, or what it waits for
    share: float | None = None  # of all that it has to do

    def state(self) -> str:
        """Return how long it takes still, and how far it is."""
        spent = time.monotonic() - self.began
        left, share = self._reckoned(spent)
        parts = [f"about {plain.rough(left)}" if left is not None else plain.rough(spent)]
        parts += [f"{share * 100:.0f} %"] if share is not None else []
        return f"{', '.join(parts)}{self.late(spent)}{phrase(' ({})', self.doing)}"

    def _reckoned(self, spent: float) -> tuple[float | None, float | None]:
        """Return the seconds left and the share done: as it says itself, else as expected."""
        if self.share:
            return spent / self.share - spent, self.share
        if self.expected is None:
            return None, self.share
        left = Estimate().plus(self.expected, spent).seconds
        return left, min(spent / max(self.expected.seconds, 0.1), 0.99)

    def late(self, spent: float) -> str:
        """Return by how much it is late, as the end of a sentence; empty where it is not."""
        late = self.expected.late_seconds(spent) if self.expected else 0.0
        return phrase(", late by {}", late and plain.rough(late))


class Console:
    """The lines of one command."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.at_work: dict[Key, Activity] = {}
        self.said: set[Key] = set()  # calls that have a line of their own in this turn
        self.begun: Counter[str] = Counter()  # on how many targets each task began to act
        self.is_asking = False  # a question stands there, and nothing is drawn over it
        self.is_drawn = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def attend(self) -> None:
        """Listen to what is recorded, and take pyinfra's place on the screen."""
        os.environ["PYINFRA_PROGRESS"] = "off"
        self.attempt.listeners.append(self.hear)
        tell_doing_to(self.doing)
        gevent.spawn(self._keep_telling)

    def hear(self, entry: Entry) -> None:
        """Tell what was just recorded of a call."""
        key = (entry.task, entry.target)
        task = self.attempt.run.tasks.get(key)
        if task is None or entry.run != self.attempt.run.id:
            return  # of a run, of the one that a rollback undoes, or of a call by its former id
        if entry.event in BEGINS:
            self.begin(task)
        elif entry.event in ENDS and key in self.at_work:
            self._end(key, task, ENDS[entry.event])
        elif entry.event in WORDS:
            self._word(task, entry.event)

    def _word(self, task: Task, event: Event) -> None:
        """Tell how a call ended that was not seen to act; what stops it is told by its refusal."""
        self.at_work.pop(task.declared.key, None)
        refused = event in {Event.STEP_REFUSED, Event.STEP_FAILED}
        if not (refused and task.declared.key in self.said):
            self._head(task.declared, WORDS[event])

    def begin(self, task: Task) -> None:
        """Tell that a call begins to act, or goes on to wait, and how long that takes."""
        call = task.declared
        self.begun[call.task] += 1
        expected = known(self.attempt).of(call, back=bool(self.attempt.run.undoes))
        began = time.monotonic() - elapsed(task, now())
        self.at_work[call.task, call.target] = Activity(call, expected, began)
        self._head(call, f"about {plain.rough(expected.seconds)}" if expected else "")

    def _end(self, key: Key, task: Task, word: str) -> None:
        late = self.at_work.pop(key).late(task.seconds or 0.0)
        took = f" in {plain.duration(task.seconds)}{late}" if task.seconds is not None else ""
        where = f" on {key[1]}" if self.begun[key[0]] > 1 else ""
        self.line(f"        {word}{where}{took}{phrase(': {}', one_line(task.why))}")
        for each in armed_of(self.attempt.run, key):
            self.line(f"        armed: {each.words}")

    def turn(self, key: Key) -> None:
        """Take note that a call comes to its turn on a target; a gate's window may go on."""
        self.said.discard(key)
        task = self.attempt.run.tasks.get(key)
        if task is not None and task.is_watched and not self.attempt.is_beyond(key[0]):
            self.begin(task)

    def over(self, key: Key) -> None:
        """Tell of a call whose turn is over without a word, that nothing had to be done."""
        self.at_work.pop(key, None)
        task = self.attempt.run.tasks[key]
        if key not in self.said and not self.attempt.is_beyond(key[0]):
            words = {Standing.SKIPPED: "skipped", Standing.UNPROVEN: "unproven",
                     Standing.ROLLED_BACK: "put back already"}  # fmt: skip
            self._head(task.declared, words.get(task.standing, "unchanged"))
        self._held(key[0])

    def _held(self, task: str) -> None:
        """Tell what is true now, where a hold stands after a call and that is done everywhere."""
        if self.attempt.is_done(task) and not self.attempt.is_beyond(task):
            for hold in self.attempt.calls.holds.values():
                if hold.after == task:
                    self.line(f"    {hold.label}: {hold.name}")

    def _head(self, call: Declared, tail: str) -> None:
        self.said.add(call.key)
        self.line(f"{self._place(call)}  {now():%H:%M:%S}{phrase('  {}', tail)}")

    def _place(self, call: Declared) -> str:
        """Return which call of how many it is, on which target, its words, and who answers."""
        places = self.attempt.calls.order()
        number = f"{places[call.task] + 1}/{len(places)}" if call.task in places else "no call"
        named = plain.owned(one_line(call.name), one_line(owner(self.attempt, call.task)))
        return f"[{number}] {call.task} {call.target}  {named}"

    def line(self, text: str) -> None:
        """Print a line; the one that is drawn anew gives way to it."""
        sys.stderr.write(f"{CLEAR if self.is_drawn else ''}{text}\n")

    def doing(self, target: str, text: str, share: float | None) -> None:
        """Take note of what a target is at, and how far."""
        for each in self.at_work.values():
            if each.call.target == target:
                each.doing, each.share = one_line(text), share

    def _keep_telling(self) -> None:
        while True:
            gevent.sleep(TICK_SECONDS)
            self.tell()

    def tell(self) -> None:
        """Tell how far the calls at work are, as the place allows."""
        if self.is_asking:
            return
        if self.is_drawn:
            self._draw()
        else:
            self._say_now_and_then()

    def _draw(self) -> None:
        """Draw the newest call at work on a line that the next one clears."""
        if not self.at_work:
            return
        each = list(self.at_work.values())[-1]
        others = f" (+{len(self.at_work) - 1})" if len(self.at_work) > 1 else ""
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        state = f"{others}  {now():%H:%M:%S}  {each.state()}"
        place = plain.cut(self._place(each.call), columns - min(len(state), columns // 2) - 1)
        sys.stderr.write(f"{plain.cut(f'{place}{state}', columns - 1)}{CLEAR}\r")
        sys.stderr.flush()
        sys.stderr.write(CLEAR)  # goes out with the next line, and clears this one

    def _say_now_and_then(self) -> None:
        """Say how far each call at work is that nothing was heard of for a while."""
        for each in self.at_work.values():
            if time.monotonic() - each.told >= SAY_EVERY_SECONDS:
                each.told = time.monotonic()
                self.line(f"{self._place(each.call)}  {now():%H:%M:%S}  {each.state()}")


def is_wanted(record: LogRecord) -> bool:
    """Tell whether a line of pyinfra's adds something to ours."""
    return not (isinstance(record.msg, str) and QUIET.match(click.unstyle(record.msg).strip()))

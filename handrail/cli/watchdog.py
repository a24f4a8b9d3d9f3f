"""The watchdog of a run: what is armed and not confirmed in time it puts back, whoever has gone.

It is started before the first armed step acts, leaves the session and the process group of the
command, and hears no hang-up. It asks the ledger again and again, writes nothing there until the
time is over, and takes the lease only by the rollback that it then starts.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import Self

from handrail.cli.command import data_words
from handrail.ledger.arming import Armed, armed_in
from handrail.ledger.entry import Event, now, timestamp
from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.lease import AtWork
from handrail.ledger.run import Run
from handrail.ledger.seam import Fact, Ledger

LOOK_SECONDS, MOMENT_SECONDS = 2.0, 0.1
GRACE_SECONDS = 30.0  # a run that lives ends itself in that time; a rollback is never interrupted
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0  # after a rollback that did not go through
TRIES = 20
ACTOR = "watchdog"


@dataclass
class Watchdog:
    """Watches over one run.

    Args:
        run: Its id.
        held: The ledger.
        words: What follows `pyinfra` in the command of a rollback, up to which run and why.
        owner: A pipe that breaks when the command that started this is gone.
    """

    run: str
    held: Ledger
    words: list[str]
    owner: int
    _seen: tuple[int, Run] | None = None  # the newest entry when it was read, and the run

    @classmethod
    def told(cls, text: str, owner: int) -> Self:
        """Read what the command says that starts it."""
        said = json.loads(text)
        kept = Kept.at(said["ledger"], Path.cwd(), said["environment"])
        return cls(said["run"], kept.read(), said["words"], owner)

    def look(self) -> Run:
        """Return the run as the ledger has it.

        Raises:
            RunbookError: the ledger cannot be read.
        """
        if self._seen is None or self.held.since(self._seen[0]):
            newest = self.held.trusted_head().seq
            self._seen = (newest, self.held.runs().get(self.run) or Run(self.run, "", ""))
        return self._seen[1]

    def watch(self) -> None:
        """Watch until nothing is armed and the command is gone, and put back what is overdue."""
        failed = 0
        while failed < TRIES:
            went_through, armed = self._round()
            failed = 0 if went_through else failed + 1
            if not failed and not armed and self._is_alone():
                return
            self._rest(failed, armed)
        say(f"{TRIES} rollbacks did not go through; somebody has to see to it")

    def _round(self) -> tuple[bool, list[Armed]]:
        """Put back what is overdue; tell whether that went through, and what was armed."""
        try:
            armed = armed_in(self.look())
            late = self._late(armed)
            return not late or self._put_back(late), armed
        except RunbookError as error:  # a ledger that does not answer is asked again
            say(f"{error.what}: {error.why}")
            return False, []

    def _rest(self, failed: int, armed: list[Armed]) -> None:
        """Wait a little, at most until the next time is over; longer after each failure."""
        if failed:
            time.sleep(min(FIRST_PAUSE_SECONDS * 2 ** (failed - 1), LONGEST_PAUSE_SECONDS))
            return
        left = [(each.until - now()).total_seconds() + MOMENT_SECONDS for each in armed]
        time.sleep(min([LOOK_SECONDS, *(each for each in left if each > 0)]))

    def _is_alone(self) -> bool:
        """Tell whether the command that started this is gone; it never writes into the pipe."""
        return bool(select.select([self.owner], [], [], 0)[0])

    def _late(self, armed: list[Armed]) -> list[Armed]:
        """Return what has to be put back: not what is under way in a process that lives.

        An act may take as long again as there is to confirm it; its end sets the time anew.
        """
        late = [each for each in armed if each.is_over(now())]
        if self._is_under_way(late):
            return [each for each in late if now() > each.until + timedelta(minutes=each.minutes)]
        return late

    def _is_under_way(self, late: list[Armed]) -> bool:
        """Tell whether all of it is in doubt, and somebody is at work who can end that."""
        return bool(late) and all(each.in_doubt for each in late) and self._owner() is not None

    def _owner(self) -> AtWork | None:
        """Return who is at work and heard of."""
        found = self.held.writer()
        silent = found is not None and found.silence.total_seconds() > found.lease.seconds
        return found if found is not None and found.alive and not silent else None

    def _put_back(self, late: list[Armed]) -> bool:
        """Put back what nobody confirmed; False where that did not go through.

        Raises:
            RunbookError: the ledger does not answer, or does not take it.
        """
        self._record(late)
        known = _places(late)
        still = [each for each in armed_in(self.look()) if _PLACE(each) in known]
        if not still:
            return True  # confirmed a moment before
        token = self._given_way()
        command = [pyinfra(), *self.words, *self._data(still[0], token)]
        say(f"{still[0].words}: {' '.join(command)}")
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode
        left = _places(armed_in(self.look())) & known
        say(f"the rollback ended with {ended}; {'not all is' if left else 'all is'} back")
        return not left

    def _record(self, late: list[Armed]) -> None:
        """Put on record that nobody confirmed in time; from here on a confirmation is too late."""
        run = self.look()
        self.held.append_beside(
            [
                Fact(Event.CONFIRMATION_MISSED, run.id, run.attempts, ACTOR, each.task,
                     run.tasks[each.task, each.target].declared.step, each.target, each.why,
                     {"until": timestamp(each.until)})
                for each in late if not each.missed
            ]
        )  # fmt: skip

    def _given_way(self) -> str:
        """Wait until the lease is free; return its token where a run that lives keeps it."""
        deadline = now() + timedelta(seconds=GRACE_SECONDS)
        while (found := self.held.writer()) is not None and found.alive:
            if now() > deadline and self._is_of_the_run(found.lease.token):
                return str(found.lease.token)
            time.sleep(LOOK_SECONDS / 4)
        return ""

    def _is_of_the_run(self, token: int) -> bool:
        """Tell whether the run itself is written under a token: no rollback of it, no other run."""
        return any(entry.token == token for entry in self.held.of_runs([self.run]))

    def _data(self, late: Armed, token: str) -> list[str]:
        """Return which run goes back, how far, and why."""
        before = late.goes_back_to(self.look())
        data = {"run": self.run, "reason": late.why, "operator": ACTOR}
        data |= {"to": before} if before else {}
        data |= {"takeover": token} if token else {}
        return data_words(f"{key}={value}" for key, value in data.items())


_PLACE = attrgetter("task", "target")


def _places(armed: Iterable[Armed]) -> set[tuple[str, str]]:
    return set(map(_PLACE, armed))


def pyinfra() -> str:
    """Return pyinfra's program: that of this environment, else the one on the path."""
    beside = Path(sys.executable).with_name("pyinfra")
    return str(beside) if beside.exists() else "pyinfra"


def say(text: str) -> None:
    """Say something in the log."""
    sys.stderr.write(f"{timestamp(now())} {text}\n")
    sys.stderr.flush()


def main(text: str, detach: Callable[[], None]) -> None:
    """Stand when the ledger was looked at, say under which number, and watch."""
    try:
        watchdog = Watchdog.told(text, sys.stdin.fileno())
        watchdog.look()
    except RunbookError as error:
        sys.stdout.write(f"{error.what}: {error.why}\n")
        return
    detach()
    say(f"process {os.getpid()} watches over {watchdog.run}")
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    watchdog.watch()


def leave_the_session() -> None:
    """Become a process that no terminal, session or parent of this one can end."""
    if os.fork():
        os._exit(0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main(sys.stdin.readline(), leave_the_session)

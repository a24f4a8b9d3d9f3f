"""A story of runs as entries in memory, with the second at which each thing happened."""

from datetime import UTC, datetime, timedelta

from handrail.ledger.entry import GENESIS, Entry, Event, timestamp
from handrail.ledger.run import fold

START = datetime(2026, 10, 3, 1, 0, tzinfo=UTC)


def at(seconds):
    """Return a moment of the night."""
    return START + timedelta(seconds=seconds)


class Told:
    """Entries of one ledger, in order."""

    def __init__(self):
        """Begin with nothing."""
        self.entries, self.run, self.undoes, self.steps = [], "", "", {}

    def open(self, run, declared, seconds=0, *, undoes="", holds=()):
        """Open a run of these tasks, each `task step target`, and start its first attempt."""
        self.run, self.undoes = run, undoes
        calls = [[*call.split(), f"Do {call}"] for call in declared]
        self.steps = {(task, target): step for task, step, target, _ in calls}
        self.say(seconds, Event.RUN_OPENED, runbook="cutover", undoes=undoes)
        self.say(seconds, Event.ATTEMPT_STARTED, declared=calls, holds=[list(h) for h in holds])
        return self

    def say(self, seconds, event, task="", target="", *, run="", **body):
        """Write one entry."""
        step = self.steps.get((task, target), "")
        moment = timestamp(at(seconds))
        said = (len(self.entries) + 1, run or self.run, 1, moment, event, task, step, target)
        self.entries.append(Entry(*said, "ada", "", 1, body, GENESIS))
        return self

    def act(self, task, start, end=None, target="web", **body):
        """Let a step act from one second to another; without an end it is at work."""
        told = {"arguments": {}, "digest": "d", "before": None} | body
        self.say(start, Event.STEP_STARTED, task, target, **told)
        if end is not None:
            done = Event.STEP_ROLLED_BACK if self.undoes else Event.STEP_CHANGED
            self.say(end, done, task, target, digest="d", after="a")
        return self

    def runs(self):
        """Return every run."""
        return fold(self.entries)

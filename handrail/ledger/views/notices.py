"""What people who wait for news are told of a run: stops, holds, gates, stakes, and its end."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from handrail.ledger.arming import armed_of
from handrail.ledger.entry import Entry, Event
from handrail.ledger.run import Outcome, Run
from handrail.ledger.views.ahead import at_stake
from handrail.ledger.views.stakes import Stake, stakes_on
from handrail.naming import phrase
from handrail.pages import one_line

SENT = {
    Outcome.PROVEN: ("run.finished", "is proven"),
    Outcome.FINISHED: ("run.finished", "is finished, and not all of it is proven"),
    Outcome.HELD: ("run.held", "holds"),
    Outcome.STOPPED: ("run.stopped", "stopped"),
    Outcome.OPEN: ("run.stopped", "stopped"),
    Outcome.ROLLED_BACK: ("run.rolled_back", "is rolled back"),
}


@dataclass(frozen=True)
class Notice:
    """One piece of news.

    Args:
        event: `run.started`, `run.stopped`, `run.held`, `run.finished`, `run.rolled_back`,
            `gate.closed`, `step.armed`, `stake.on`, `stake.off` or `run.silent`.
        text: It as a sentence.
        at: When, RFC 3339.
        environment: Where.
        run: Id of the run.
        task: The task, where it is about one.
        target: Likewise.
        key: The same for the same news, however often it is sent.
    """

    event: str
    text: str
    at: str
    environment: str
    run: str
    task: str = ""
    target: str = ""
    key: str = ""

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as plain data."""
        return asdict(self)


class News:
    """Makes news of a run's entries as they are recorded."""

    def __init__(self, environment: str, run: Run) -> None:
        """Begin with what is at stake in a run already: that is no news."""
        self._environment = environment
        self._stakes: dict[tuple[str, str, str], Stake] = {
            each.key: each for each in stakes_on(run)
        }

    def of(self, entry: Entry, run: Run, forward: Run) -> Iterator[Notice]:
        """Yield what an entry is news of.

        Args:
            entry: Just recorded.
            run: The run that is carried out, with it taken into account.
            forward: The same, or the run that it undoes.
        """
        for event, text in [*self._told(entry, run, forward), *self._moved(forward)]:
            yield Notice(
                event,
                one_line(text),
                entry.at,
                self._environment,
                run.id,
                entry.task,
                entry.target,
                f"{self._environment}/{entry.seq}/{event}",
            )

    def _told(self, entry: Entry, run: Run, forward: Run) -> Iterator[tuple[str, str]]:
        where = f"{run.kind} {run.id} on {self._environment}"
        match entry.event:
            case Event.ATTEMPT_STARTED:
                yield "run.started", f"{where}: attempt {entry.attempt} of {entry.actor} started"
            case Event.ATTEMPT_ENDED:
                outcome = forward.outcome if forward.rolled_back else run.outcome
                event, word = SENT[outcome]
                at = entry.body.get("held") or entry.body.get("stopped_by")
                yield event, f"{where} {word}{phrase(' at {}', at)}"
            case Event.GATE_CLOSED:
                why = entry.body.get("why", "")
                yield "gate.closed", f"{where}: gate {entry.task} on {entry.target}: {why}"
            case Event.STEP_CHANGED | Event.STEP_ADOPTED:
                for each in armed_of(run, (entry.task, entry.target)):
                    yield "step.armed", f"{where}: armed: {each.words}"

    def _moved(self, run: Run) -> Iterator[tuple[str, str]]:
        now = {each.key: each for each in stakes_on(run)}
        for key, stake in now.items():
            if key not in self._stakes:
                yield "stake.on", f"{at_stake(stake)}"
        for key, stake in self._stakes.items():
            if key not in now:
                yield "stake.off", f"{stake.target}: no longer so: {stake.text}"
        self._stakes = now

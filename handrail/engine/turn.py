"""The turn of a call on a target: told on the console, and asked about where it does not go on."""

from collections.abc import Callable

from gevent.lock import RLock  # type: ignore[import-untyped]  # it has no types of its own
from pyinfra.api import operations
from pyinfra.api.host import Host
from pyinfra.api.state import State

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.going_back import way_back_of_red
from handrail.engine.console import Console
from handrail.engine.guided import Guide

Run = Callable[[State, Host, str], bool]


def take_turns(attempt: Attempt, console: Console) -> None:
    """Let each call have its turn, on each target that it is for, as often as it is told to."""
    turns = Turns(attempt, console, operations.run_host_op)
    vars(operations)["run_host_op"] = turns.turn


class Turns:
    """Every turn of one command."""

    def __init__(self, attempt: Attempt, console: Console, run: Run) -> None:
        self.attempt, self.console, self.run = attempt, console, run
        self.guide = Guide(attempt, console)
        self.asking = RLock()  # one question at a time

    def turn(self, state: State, host: Host, operation: str) -> bool:
        """Carry one call out on one target; True where the run goes on."""
        if operation not in state.ops[host]:
            return True  # it is not for this target, and pyinfra would say so
        key = (self.attempt.calls.operations[operation], host.name)
        while not self._goes_on(state, host, operation, key):
            if not self._again(key):
                return False
            vars(state.ops[host][operation].operation_meta)["_success"] = None  # not over yet
        return True

    def _goes_on(self, state: State, host: Host, operation: str, key: tuple[str, str]) -> bool:
        self.console.turn(key)
        self.attempt.stops.pop(key, None)
        good = self.run(state, host, operation)
        if good:
            self.console.over(key)
        return good

    def _again(self, key: tuple[str, str]) -> bool:
        """Tell whether a call that did not go on has another turn."""
        with self.asking:
            if not self.attempt.stopped_by:
                return True  # it was kept back by another target, and that one goes on
            self.console.at_work.pop(key, None)
            self.console.is_asking = True
            asked = key in self.attempt.stops and not way_back_of_red(self.attempt)
            again = asked and self.guide.goes_on(key)
            self.console.is_asking = False
            self.attempt.stopped_by = "" if again else self.attempt.stopped_by
            return again

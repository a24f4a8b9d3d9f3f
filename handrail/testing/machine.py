"""This machine as a target of pyinfra, for steps whose clauses read facts or borrow operations."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State, StateStage
from pyinfra.context import ctx_host, ctx_state


@contextmanager
def this_machine() -> Iterator[None]:
    """Let facts be read and operations be borrowed here; a harness yields its world inside of it.

    ::

        with this_machine():
            yield World({"path": str(path), "line": "x"}, path.read_text)
    """
    inventory = Inventory((["@local"], {}))  # type: ignore[no-untyped-call]  # pyinfra's is untyped
    state = State(inventory, Config())  # type: ignore[no-untyped-call]  # as above
    state.current_stage = StateStage.Execute
    with ctx_state.use(state), ctx_host.use(inventory.get_host("@local")):
        connect_all(state)
        try:
            yield
        finally:
            disconnect_all(state)


def carried_out(command: PyinfraCommand) -> bool:
    """Carry one of pyinfra's commands out here; tell whether it succeeded."""
    answer = command.execute(ctx_state.get(), ctx_host.get(), {})  # type: ignore[no-untyped-call]
    return (answer[0] if isinstance(answer, tuple) else answer) is not False

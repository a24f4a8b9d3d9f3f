"""pyinfra's own command line in a fork of a process that has imported it already."""

import inspect
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pyinfra_cli.main  # type: ignore[import-untyped]  # first: it patches the process
from pyinfra.api import connectors

import handrail.engine  # noqa: F401  imported once, here, as pyinfra is
from handrail.engine import events
from handrail.engine.watch import watch
from handrail.testing.forking import Asked
from handrail.testing.serving import serve

__all__ = ["become", "serve"]

# What is installed stays so while this process lives; a command looks it up four times.
for each in (connectors, events):
    each.entry_points = cache(each.entry_points)  # type: ignore[attr-defined]
connectors.get_all_connectors()  # type: ignore[no-untyped-call]  # an inventory loads every one of them, used or not
inspect.stack()  # pyinfra asks for it at each call; the first answer reads every module's source


def watched(body: Callable[..., object]) -> Callable[..., object]:
    """Return pyinfra's command as it is where it loads the connectors itself."""

    def run(*args: object, **words: object) -> object:
        watch()
        return body(*args, **words)

    return run


def become(_asked: Asked) -> None:
    """Be the command in this process, as if it had just been started."""
    with ExitStack() as stack:
        if "LAB_CLOCK" in os.environ:
            from handrail.testing.clock import SkippingClock  # noqa: PLC0415  only where asked for

            stack.enter_context(SkippingClock(Path(os.environ["LAB_CLOCK"])).installed())
        command = pyinfra_cli.main.cli
        command.callback = watched(command.callback)
        pyinfra_cli.main.main()


if __name__ == "__main__":
    serve(become)

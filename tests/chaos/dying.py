"""pyinfra's command line in forks of one process, each dying at a point of its ledger's writes.

A start of pyinfra and of the plan's steps takes seconds; a campaign gives a command a thousand
times. DYING_AT is a folder of the points that were passed; see `die_once_at_each`.
"""

from handrail.testing.warm import become as be  # first: it patches the process
from handrail.testing.warm import serve

# isort: split
import pkgutil
from importlib import import_module
from pathlib import Path

import operations
from tests.engine.lab.killer import die_once_at_each


def become(asked: dict[str, object]) -> None:
    """Be the command, after it was told where to die."""
    env = dict(asked["env"])
    if at := env.get("DYING_AT"):
        die_once_at_each(Path(at), int(env["DYING_STRIDE"]), int(env["DYING_FIRST"]))
    be(asked)


if __name__ == "__main__":
    for each in pkgutil.iter_modules(operations.__path__, "operations."):
        import_module(each.name)
    serve(become)

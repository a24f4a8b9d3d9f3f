"""The `handrail` command in a fork of a process that has imported it already."""

import sys
from importlib import import_module

from handrail.cli.__main__ import COMMANDS, main
from handrail.testing.forking import Asked
from handrail.testing.serving import serve

for module in COMMANDS.values():
    import_module(module)


def become(_asked: Asked) -> None:
    """Be the command in this process, as if it had just been started."""
    sys.exit(main())


if __name__ == "__main__":
    serve(become)

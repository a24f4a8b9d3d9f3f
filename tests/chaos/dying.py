"""pyinfra's own command line in a process that dies at points of its ledger's writes.

Run as ``python -m tests.chaos.dying ARGS`` with DYING_AT, a folder of the points that were passed,
and DYING_STRIDE.
"""

import pyinfra_cli.main  # first: it patches the process

# isort: split
import os
from pathlib import Path

from tests.engine.lab.killer import die_once_at_each

if __name__ == "__main__":
    die_once_at_each(Path(os.environ["DYING_AT"]), int(os.environ["DYING_STRIDE"]))
    pyinfra_cli.main.main()

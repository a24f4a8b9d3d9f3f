"""The `handrail` command in a fork of a process that can read an inventory already.

That is most of what a doctor does: it imports pyinfra, which patches the process.
"""

import pyinfra_cli.inventory  # noqa: F401  first: it patches the process

# isort: split
from handrail.testing.command import become
from handrail.testing.serving import serve

if __name__ == "__main__":
    serve(become)

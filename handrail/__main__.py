"""``python -m handrail`` is the `handrail` command."""

import sys

from handrail.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())

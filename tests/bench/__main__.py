"""List the benchmarks, or run one: `python -m tests.bench [NAME [OPTIONS]]`."""

import importlib
import os
import sys
from pathlib import Path

MARK = "def main("


def names() -> list[str]:
    """Return the benchmarks: the modules beside this one that have a `main`."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return [
        path.stem
        for path in modules
        if not path.stem.startswith("_") and f"\n{MARK}" in path.read_text(encoding="utf-8")
    ]


def run() -> int:
    """Run what the command line names; return the exit status."""
    # what is measured is compiled once, as an installed program is, and not at each start
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    known = names()
    name, *options = sys.argv[1:] or [""]
    if name in known:
        return int(importlib.import_module(f"tests.bench.{name}").main(options))
    for each in known:
        doc = importlib.import_module(f"tests.bench.{each}").__doc__ or ""
        sys.stdout.write(f"{each:8} {doc.splitlines()[0]}\n")
    if name:
        sys.stderr.write(f"There is no benchmark `{name}`.\n")
    return 2 if name else 0


if __name__ == "__main__":
    sys.exit(run())

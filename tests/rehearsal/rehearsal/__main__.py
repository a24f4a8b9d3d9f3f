"""``python -m rehearsal up|down|status|rehearse``: the rehearsal world by hand."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rehearsal import lifecycle
from rehearsal.errors import WorldError
from rehearsal.layout import Layout
from rehearsal.perform import rehearse

USUAL_ROWS = 3000


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _status(layout: Layout) -> int:
    world = layout.read()
    if world is None:
        _say(f"Nothing runs in {layout.directory}")
        return 1
    _say(f"The rehearsal world runs in {layout.directory} (pid {world['pid']})")
    for environment, found in world["environments"].items():
        for key in ("legacy_url", "frontend_url", "web_url", "channels_url"):
            _say(f"    {environment:<12}{key:<14}{found[key]}")
    return 0


def _serve(layout: Layout, rows: int) -> int:
    # The servers' libraries are needed by the supervisor alone; `status` and `down` stay light.
    from rehearsal.world import World  # noqa: PLC0415

    asyncio.run(World(layout, rows, _say).hold())
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "bring the world up, or attach to the running one"),
        ("down", "stop everything; safe when nothing runs"),
        ("status", "say what runs where"),
        ("serve", "hold the world in this process (what `up` starts in the background)"),
        ("rehearse", "carry the whole cutover through in a fresh world"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--dir", type=Path, help="directory of the world (.rehearsal)")
        if name == "rehearse":
            command.add_argument("--keep", action="store_true", help="leave the world running")
            command.add_argument("--stop", action="store_true", help="only stop a world left so")
        if name in {"up", "serve", "rehearse"}:
            command.add_argument("--rows", type=int, default=USUAL_ROWS,
                                 help="rows of the production legacy database")  # fmt: skip
    given = parser.parse_args(arguments)
    layout = Layout(given.dir.resolve()) if given.dir else Layout.usual()
    try:
        if given.command == "rehearse" and not given.stop:
            return rehearse(layout, given.rows, _say, keep=given.keep)
        if given.command == "up":
            lifecycle.up(layout, given.rows, _say)
        elif given.command in {"down", "rehearse"}:
            lifecycle.down(layout, _say)
        elif given.command == "serve":
            return _serve(layout, given.rows)
        else:
            return _status(layout)
    except WorldError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

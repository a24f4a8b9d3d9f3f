"""What a real terminal shows of plan, console and watch: as wide as it is, drawn anew."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from tests.cli.test_watch import at_work
from tests.engine.lab.bench import Bench
from tests.engine.test_screen import many
from tests.terminal import shown_on

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CLEAR = "\x1b[H\x1b[2J\x1b[3J"
SLOW = (
    'steps.slow_call(path=f"{room}/a", text="1", seconds=2.5, task="1", name="Bring every one of '
    'the very many rows over into the database that is new")'
)


@pytest.fixture(name="lab")
def _lab(tmp_path):
    with Bench(tmp_path / "lab") as bench:
        yield bench


def shown(lab, command, columns, *, until=None):
    """Return what a terminal gets of a command; it is ended once `until` is there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, columns, 0, 0))
    process = subprocess.Popen(
        command, cwd=lab.folder, env=lab.env | {"TERM": "xterm-256color"}, stdin=slave,
        stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    said = ""
    for said in shown_on(master):
        if until and until in said:
            process.terminate()
            until = None
    os.close(master)
    process.wait(30)
    return said.replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 200])
def test_a_plan_at_a_terminal_is_as_wide_as_it_and_fits_its_screen(lab, columns):
    """78 calls, coloured, and no line that the terminal would break."""
    many(lab)

    said = shown(lab, lab.command("--dry"), columns)

    plan = said[said.index("Plan for") : said.index("Nothing was changed")]
    assert COLOUR.search(plan)
    lines = COLOUR.sub("", plan).splitlines()
    assert len(lines) <= 45
    assert 60 < max(map(len, lines)) <= columns


def test_a_console_at_a_terminal_draws_how_far_a_call_is_within_its_width(lab):
    """A line that is drawn anew and leaves nothing behind; then how it ended."""
    lab.runbook(SLOW)

    said = COLOUR.sub("", shown(lab, lab.command(), 80))

    drawn = [each for each in re.findall(r"([^\r\n]*)\x1b\[K\r", said) if "[1/1] 1 one" in each]
    assert drawn
    assert all(len(each.replace("\x1b[K", "")) <= 80 for each in drawn)
    left = said.replace("\x1b[K", "")
    assert re.search(r"^\[1/1\] 1 one  Bring every one .*\d\d:\d\d:\d\d$", left, re.MULTILINE)
    assert re.search(r"[\r\n]        changed in \d", left)


def test_watch_at_a_terminal_draws_its_screen_anew(lab):
    """The newest look alone stands there, with who is at work on what."""
    with at_work(lab):
        command = ["handrail", "watch", "--every", "0.2", "--ledger", str(lab.ledger)]
        said = shown(lab, command, 80, until=f"{CLEAR}Run up-")

    screen = said.rpartition(CLEAR)[2]
    assert re.search(r"^    running +1 +one +Be patient", screen, re.MULTILINE)
    assert "At work: 1 on one, Be patient" in screen
    assert all(len(line) <= 80 for line in screen.splitlines())

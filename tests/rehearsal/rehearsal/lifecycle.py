"""Start the world's supervisor, wait for it, end it, and leave nothing behind."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rehearsal.errors import WorldError
from rehearsal.layout import Layout, read_json
from rehearsal.processes import is_alive, wait_gone

UP_TIMEOUT_SECONDS = 300.0
DOWN_TIMEOUT_SECONDS = 45.0
QUIET_SECONDS = 10.0
ROOT = Path(__file__).resolve().parents[3]
Say = Callable[[str], None]


def up(layout: Layout, rows: int, say: Say) -> None:
    """Bring the world up in the background, or find it running.

    Raises:
        WorldError: it could not be brought up; the supervisor's own words are in it.
    """
    if not Path("/proc/self/stat").exists():
        raise WorldError(
            "the rehearsal world was not brought up",
            "it reads ports and processes from /proc, which this system has not",
            "run it on Linux, or in a Linux container",
        )
    with _alone(layout):
        if layout.read() is not None:
            say(f"The rehearsal world runs already in {layout.directory}")
            return
        _end(layout, say)
        _clear(layout)
        say(f"Bringing the rehearsal world up in {layout.directory}")
        with layout.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "rehearsal", "serve",
                 "--dir", str(layout.directory), "--rows", str(rows)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        _follow(layout, process, say)


def down(layout: Layout, say: Say) -> None:
    """Stop the world and whatever a killed supervisor left; safe when nothing runs."""
    if not layout.marker.exists():
        say(f"Nothing runs in {layout.directory}")
        return
    with _alone(layout):
        if not _end(layout, say):
            say(f"Nothing runs in {layout.directory}")


def _follow(layout: Layout, process: "subprocess.Popen[bytes]", say: Say) -> None:
    """Repeat the supervisor's lines until the world is up."""
    began = heard = time.monotonic()
    told = 0
    while True:
        up_already, ended = layout.description.exists(), process.poll() is not None
        lines = layout.log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[told:]:
            say(f"    {line}")
            heard = time.monotonic()
        told = len(lines)
        if up_already and not ended:
            return
        if ended or time.monotonic() - began > UP_TIMEOUT_SECONDS:
            if not ended:
                process.terminate()
            raise WorldError(
                "the rehearsal world was not brought up",
                "its supervisor ended" if ended else f"not up in {UP_TIMEOUT_SECONDS:.0f} s",
                f"read {layout.log}, then the same command again",
            )
        if time.monotonic() - heard > QUIET_SECONDS:
            say(f"    still at it ({time.monotonic() - began:.0f} s)")
            heard = time.monotonic()
        time.sleep(0.1)


def _end(layout: Layout, say: Say) -> bool:
    """End the supervisor and its leftovers by process id; say whether there was anything."""
    known, pid = read_json(layout.supervisor), layout.supervisor_pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not wait_gone(pid, DOWN_TIMEOUT_SECONDS):
            say(f"Supervisor {pid} did not end in {DOWN_TIMEOUT_SECONDS:.0f} s; killing it")
            os.kill(pid, signal.SIGKILL)
            wait_gone(pid, DOWN_TIMEOUT_SECONDS)
    left = _end_leftovers(layout)
    for scratch in (known or {}).get("scratch", []):
        shutil.rmtree(scratch, ignore_errors=True)
    layout.description.unlink(missing_ok=True)
    layout.supervisor.unlink(missing_ok=True)
    if pid is not None or left:
        more = f", with {left} left over" if left else ""
        say(f"The rehearsal world in {layout.directory} is down{more}")
    return pid is not None or left > 0


def _end_leftovers(layout: Layout) -> int:
    """End processes that carry this world's own mark in their environment; count them."""
    mark = f"HOME={layout.directory / 'render' / 'home'}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone, or another user's
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    alive = [pid for pid in found if is_alive(pid)]
    for which, patience_seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)
        alive = [pid for pid in alive if not wait_gone(pid, patience_seconds)]
    return len(found)


def _clear(layout: Layout) -> None:
    """Make the world's directory new; the marker stays, since it is the lock being held."""
    for path in layout.directory.iterdir():
        if path == layout.marker:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Let one `up` or `down` of a directory work at a time, in a directory that is a world's."""
    directory = layout.directory
    directory.mkdir(parents=True, exist_ok=True)
    if not layout.marker.exists() and any(directory.iterdir()):
        raise WorldError(
            "the rehearsal world was not brought up",
            f"{directory} holds files that are not a world's, and it would be cleared",
            "name an empty directory with --dir, or empty this one",
        )
    with layout.marker.open("a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

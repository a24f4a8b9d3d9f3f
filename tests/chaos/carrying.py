"""A night carried on by the plain command, whatever befalls it, and what it must have left."""

import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import requests

from tests.e2e.night import PROGRAMS, Night

ATTEMPTS = 40  # until it has to be through; each settles one doubt, or waits for an orphan
LONGEST_SECONDS = 1800
CUTOVER = ["pyinfra", "-y", "inventory/rehearsal.py", "runbooks/cutover.py"]
ROLLBACK = [
    *CUTOVER[:-1], "runbooks/rollback.py", "--data", "run=latest", "--data", "reason=chaos",
]  # fmt: skip
VERIFY = [*CUTOVER[:-1], "runbooks/verify.py"]
Strike = Callable[["subprocess.Popen[bytes]"], None]


def carry(
    go: Callable[[list[str]], tuple[int, str]], attempts: int = ATTEMPTS, done: int = 0
) -> int:
    """Give a command again and again until it is through; return how often it asked.

    Args:
        go: Carries the command out, with these words more; returns its status and what it said.
        attempts: After so many it has to be.
        done: Its status then.
    """
    asked, more, said = 0, list[str](), ""
    for _ in range(attempts):
        code, said = go(more)
        assert "Traceback" not in said, said[-3000:]
        if code == done or "it is already rolled back" in said:
            return asked
        more = answer(said)
        asked += any("settle=" in each for each in more)
    raise AssertionError(f"not through after {attempts} attempts: {said[-3000:]}")


def answer(said: str) -> list[str]:
    """Return what an operator types in addition, who looked and found nothing there."""
    if "still at work there" in said:
        time.sleep(2)
    elif settle := re.search(r"--data settle=(\S+?):retry", said):
        return ["--data", f"settle={settle[1]}:retry", "--data", "reason=it is not there"]
    elif takeover := re.search(r"--data takeover=(\d+)", said):
        return ["--data", f"takeover={takeover[1]}", "--data", "reason=that machine is lost"]
    return []


def attempt(
    night: Night,
    command: Sequence[str],
    output: Path,
    strike: Strike | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Give a command once, struck in the middle; return its status and what it said."""
    with output.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [PROGRAMS / command[0], *command[1:]], cwd=night.root,
            env=night.environment() | (env or {}), stdin=subprocess.DEVNULL, stdout=said,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        if strike is not None:
            strike(process)
        code = process.wait(timeout=LONGEST_SECONDS)
    return code, output.read_text(encoding="utf-8", errors="replace")


def ended_in(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Let a command work for so long; tell whether it was through before."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
    return process.poll() is not None


def doubled(night: Night) -> list[str]:
    """Return what a night made twice: commits of a task, services of a name, live deploys."""
    return [*doubled_commits(night), *doubled_services(night)]


def doubled_commits(night: Night) -> list[str]:
    """Return the tasks that made more than one commit."""
    listed = subprocess.run(
        ["git", "log", "main", "--format=%(trailers:key=Runbook-Task,valueonly)"],
        cwd=night.layout.origin, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [task for task, times in Counter(listed).items() if times > 1]


def doubled_services(night: Night) -> list[str]:
    """Return the names that more than one service on Render has."""
    answer = requests.get(
        f"{night.layout.read()['render']['api']}/services",
        params={"limit": 100},
        headers={"Authorization": f"Bearer {night.secret('render_key')}"},
        timeout=20,
    )
    names = Counter(each["service"]["name"] for each in answer.json())
    return [name for name, times in names.items() if times > 1]


def lost_there(night: Night, output: Path) -> list[str]:
    """Return what is not as it should be once a night is through: rows that differ, the site."""
    verified, said = attempt(night, VERIFY, output)
    served = night.frontend_config()["apiUrl"]
    rows = [] if verified == 0 else [f"rows: {said[-2000:]}"]
    return rows + ([] if served == night.production["web_url"] else [f"the site asks {served}"])


def lost_back(night: Night) -> list[str]:
    """Return what is not as it was found once a night is undone."""
    served = night.frontend_config()["apiUrl"]
    found = [] if served == night.production["legacy_url"] else [f"the site asks {served}"]
    return found if night.handrail("verify")[0] == 0 else [*found, "the ledger is not whole"]

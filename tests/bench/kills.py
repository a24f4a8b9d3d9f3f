"""What a SIGKILL at a random point leaves behind: effects doubled, lost, and unknown but told."""

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import Line, say
from tests.bench.others import OTHERS, Other
from tests.bench.project import PYINFRA, Case, Project, plain_environment

KILLS = 10
KILLED = Case("by_shell", 2, 20)
ONCE = """
from handrail.engine import Commands, check, irreversible, step
from pathlib import Path


@check(fix="look into the journal")
def is_there(room: str, number: int) -> bool:
    \"\"\"The file is there.\"\"\"
    return Path(room, str(number)).exists()


@step(ensures=is_there, rollback=irreversible("a benchmark", instead="nothing is needed"))
def once(room: str, number: int) -> Commands:
    \"\"\"Write a line, once.\"\"\"
    yield f"echo {number} >> {room}/journal; sleep 0.002; touch {room}/{number}"
"""
OURS_ONCE = """
from pyinfra import host
from benchonce import once
from handrail.engine import begin

begin()
for number in range({steps}):
    once(room=host.data.room, number=number, task=f"{{number}}", name="Write a line")
"""


def killed(place: Path) -> list[Line]:
    """Return a line for each engine."""
    say("killing ours")
    found = [killed_ours(place)]
    for other in OTHERS:
        if why := other.missing():
            found.append(Line(f"kills of {other.name}", "", "", note=why))
        elif other.name != "Ansible":  # with mitogen it is the same, and takes a third
            say(f"killing {other.name}")
            found.append(killed_other(place, other))
    return found


def killed_ours(place: Path) -> Line:
    """Kill our own, and answer as an operator who looks into the journal would."""
    project = Project(place / "killed-ours", KILLED)
    (project.folder / "benchonce.py").write_text(ONCE)
    (project.folder / "ours.py").write_text(OURS_ONCE.format(steps=KILLED.steps))
    count: Counter[str] = Counter()
    for seed in range(KILLS):
        project.fresh()
        _strike(lambda: project.start("ours"), project, seed)
        for _ in range(KILLED.targets * 3):
            code, asked = _asked(project)
            if code == 0:
                break
            for task, target, attempt in asked:
                count["told"] += 1
                word = "adopt" if task in _journal(project.folder / "rooms" / target) else "retry"
                settle = f"settle={task}@{target}#{attempt}:{word}"
                project.start("ours", "--data", settle, "--data", "reason=looked").wait()
        _judge(project, count)
    return _told("ours", count)


def killed_other(place: Path, other: Other) -> Line:
    """Kill another engine, and start the same command again."""
    project = Project(place / f"killed-{other.name}".replace(" ", "-"), KILLED)
    count: Counter[str] = Counter()
    for seed in range(KILLS):
        project.forget()
        other.prepare(project, once=True)
        _strike(lambda: other.start(project), project, seed)
        code = other.start(project).wait()
        count["told"] += bool(code)
        _judge(project, count)
    return _told(other.name, count)


def _asked(project: Project) -> tuple[int, list[tuple[str, str, str]]]:
    """Run the same command again; return its status, and the tasks that it asks about."""
    again = subprocess.run(
        [str(PYINFRA), "-y", "inventory.py", "ours.py"], cwd=project.folder,
        env=plain_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    found = re.findall(r"settle=(\w+)@(\w+)#(\d+):retry", again.stdout + again.stderr)
    return again.returncode, list(dict.fromkeys(found))


def _strike(start: Callable[[], subprocess.Popen[bytes]], project: Project, seed: int) -> None:
    """Start a command, and kill all of it when a random part of its work is done."""
    whole = KILLED.targets * KILLED.steps
    wanted = random.Random(seed).randint(1, whole - 2)
    process = start()
    while project.made() < wanted and process.poll() is None:
        time.sleep(0.001)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _judge(project: Project, count: Counter[str]) -> None:
    """Hold the journals against what was to be done once each."""
    for room in project.rooms:
        said = Counter(_journal(room))
        count["doubled"] += sum(times - 1 for times in said.values())
        count["lost"] += KILLED.steps - len(said)


def _journal(room: Path) -> list[str]:
    """Return the effects on a target, in order."""
    journal = room / "journal"
    return journal.read_text().split() if journal.exists() else []


def _told(name: str, count: Counter[str]) -> Line:
    told = ", ".join(f"{count[word]} {word}" for word in ("doubled", "lost", "told"))
    return Line(f"effects after {KILLS} kills at random, {KILLED}: {name}", told, "")

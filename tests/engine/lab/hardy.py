"""Steps whose processes outlive a killed run, each in a way of its own.

What they start waits until a file says `go`, at most a minute, and then adds a line to a file: an
effect that may happen once.
"""

import multiprocessing
import os
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path

from handrail.clients.git_process import git
from handrail.engine import Commands, Finding, call, check, holds_if, living_on, step
from handrail.transfer.session import programs
from handrail.transfer.session.reader import Reader

SCRIPT = (
    "trap '' INT HUP TERM; echo begun >> {path}.begun; n=0; "
    "while [ ! -e {path}.go -a $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done; echo done >> {path}"
)


@check(fix="see the file")
def is_done_once(path: str) -> Finding:
    """The file holds one line."""
    stands = content(path)
    return holds_if(stands == "done\n", f"it says {stands!r}")


def content(path: str) -> str | None:
    """Return what a file says."""
    return Path(path).read_text() if Path(path).exists() else None


def remove(path: str, before: str | None) -> None:
    """Remove what was written."""
    Path(path).unlink(missing_ok=True)


def script(path: str) -> str:
    """Return the shell text that does it."""
    return SCRIPT.format(path=path)


@step(captures=content, ensures=is_done_once, rollback=remove)
def by_line(path: str, how: str) -> Commands:
    """Write by a shell line."""
    text = script(path)
    quoted = shlex.quote(text)
    yield {
        "plain": text,
        "setsid": f"setsid sh -c {quoted}",
        "nohup": f"nohup sh -c {quoted} >/dev/null 2>&1 & wait",
        "two lines": f"setsid sh -c {quoted} >/dev/null 2>&1 &",
    }[how]
    if how == "two lines":
        yield f"while [ ! -e {path} ]; do sleep 0.1; done"


def stubborn(path: str) -> None:
    """Do the same as the script, in Python."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    with Path(f"{path}.begun").open("a") as file:
        file.write("begun\n")
    for _ in range(600):
        if Path(f"{path}.go").exists():
            break
        time.sleep(0.1)
    with Path(path).open("a") as file:
        file.write("done\n")


def run(path: str, how: str) -> None:
    """Write by a child of this process."""
    command = ["sh", "-c", script(path)]
    if how == "run":
        subprocess.run(command, check=True)
    elif how == "thread":
        thread = threading.Thread(target=subprocess.run, args=(command,), kwargs={"check": True})
        thread.start()
        thread.join()
    elif how == "system":
        os.system(command[-1])
    elif how == "spawn":
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=stubborn, args=(path,))
        process.start()
        process.join()


@step(captures=content, ensures=is_done_once, rollback=remove)
def by_call(path: str, how: str) -> Commands:
    """Write by a child of a Python call."""
    yield call(run, path, how)


def daemon(path: str) -> None:
    """Start a process that is meant to live on."""
    with living_on():
        process = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
    Path(path).write_text(f"{process.pid}\n")


def fall() -> None:
    """Die as a machine does."""
    os.kill(os.getpid(), signal.SIGKILL)


@check(fix="see the file")
def is_there(path: str) -> bool:
    """The process was started."""
    return Path(path).exists()


@step(captures=content, ensures=is_there, rollback=remove)
def leave_on(path: str, how: str) -> Commands:
    """Start a process that lives on, and die."""
    if how == "line":
        yield f"(exec 9>&-; exec sleep 60) >/dev/null 2>&1 & echo $! > {path}"
    else:
        yield call(daemon, path)
    yield call(fall)


@check(fix="see the file")
def is_through(path: str) -> bool:
    """The program came to its end."""
    return Path(f"{path}.through").exists()


def program(path: str, how: str, where: str) -> None:
    """Let one of the programs that clients and data engine start work until it is let go."""
    Path(f"{path}.begun").touch()
    if how == "git":
        ended = git(Path(where), "push", "origin", "HEAD:refs/heads/pushed")
        assert ended.code == 0, ended.error
    elif how == "psql":
        reader = Reader(where, [])
        list(reader.pieces("select * from held", "(format csv)"))
        reader.close()
    else:
        given = {
            "pg_dump": ["--format=custom", f"--file={path}.dump", "--table=held"],
            "pg_restore": ["--data-only", "--dbname=shop", f"{path}.made"],
        }
        programs.run(programs.find(0) / how, given[how], programs.environment(where))
    Path(f"{path}.through").touch()


@step(captures=content, ensures=is_through, rollback=remove)
def by_program(path: str, how: str, where: str) -> Commands:
    """Work by a program."""
    yield call(program, path, how, where)

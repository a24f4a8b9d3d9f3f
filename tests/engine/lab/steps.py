"""Steps on plain files: small enough to predict, and odd in every way a real one can be.

Each effect writes a line to `journal` in the folder that the file lies in, before anything else,
so a test can count what really happened. A file beside it tells a step to misbehave: `blind`,
`shut`, `stuck`.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.patience import Patience
from handrail.engine import (
    FROM_RUN,
    FROM_TARGET,
    Commands,
    Finding,
    Secret,
    call,
    check,
    fails,
    gate,
    holds,
    holds_if,
    irreversible,
    step,
    unknown,
)


def record(path: str, what: str) -> None:
    """Note an effect, on disk before it happens."""
    note = os.open(Path(path).with_name("journal"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(note, f"{what} {Path(path).name}\n".encode())
    os.fsync(note)
    os.close(note)


@check(fix="rm shut")
def room_is_open(path: str) -> Finding:
    """The room is open."""
    if Path(path).with_name("veiled").exists():
        raise ClientError("the door was not seen", "a veil hangs before it", "rm veiled")
    return holds_if(not Path(path).with_name("shut").exists(), "a file `shut` lies in it")


@check(fix="see the file")
def file_says(path: str, text: str) -> Finding:
    """The file says what it should."""
    if Path(path).with_name("blind").exists():
        raise ClientError("the file was not read", "it is dark", "rm blind")
    if Path(path).with_name("confused").exists():
        raise KeyError("nobody foresaw this")
    stands = content(path)
    return holds_if(stands == text, f"it says {stands!r}")


def content(path: str) -> str | None:
    """Return what a file says, or None where there is none."""
    if Path(path).with_name("locked").exists():
        raise ClientError("the file was not read", "it is locked away", "rm locked")
    return Path(path).read_text() if Path(path).exists() else None


def restore(path: str, before: str | None) -> None:
    """Put the file back as it was."""
    if Path(path).with_name("stuck").exists():
        raise ClientError("the file was not put back", "it sticks", "rm stuck")
    record(path, "restore")
    put(path, before)


def put(path: str, text: str | None) -> None:
    """Make a file say something, or go."""
    if text is None:
        Path(path).unlink(missing_ok=True)
    else:
        Path(path).write_text(text)


def effect(path: str, text: str) -> None:
    """Write, noting it first."""
    if Path(path).with_name("broken").exists():
        raise ClientError("the file was not written", "the pen is broken", "rm broken")
    record(path, "write")
    put(path, text)


@step(
    requires=[room_is_open],
    captures=content,
    ensures=file_says,
    rollback=restore,
    idempotent=True,
)
def write(path: str, text: str) -> Commands:
    """Make a file say something."""
    yield call(effect, path, text)


def restore_by_shell(path: str, before: str | None) -> Commands:
    """Put the file back by a shell line."""
    yield f"echo restore {Path(path).name} >> {Path(path).with_name('journal')}"
    yield f"rm -f {path}" if before is None else f"printf %s '{before}' > {path}"


@step(captures=content, ensures=file_says, rollback=restore, idempotent=True)
def post(path: str, text: str = FROM_TARGET["board.text"]) -> Commands:
    """Make a file say what stands on the board of its target."""
    yield call(effect, path, text)


@step(captures=content, ensures=file_says, rollback=restore_by_shell, idempotent=True)
def print_to(path: str, text: str) -> Commands:
    """Make a file say something, by a shell line."""
    yield f"echo write {Path(path).name} >> {Path(path).with_name('journal')}"
    yield f"printf %s '{text}' > {path}"


@step(requires=[room_is_open], captures=content, ensures=file_says, rollback=restore)
def place(path: str, text: str) -> Commands:
    """Make a file say something, once: it is not declared that this may be repeated."""
    yield call(effect, path, text)


@check(fix="see the file")
def file_ends_with(path: str, line: str) -> Finding:
    """The file ends with the line."""
    stands = content(path) or ""
    return holds_if(stands.endswith(line + "\n"), f"it says {stands!r}")


def add_line(path: str, line: str) -> None:
    """Append, noting it first."""
    record(path, "append")
    with Path(path).open("a") as file:
        file.write(line + "\n")


@step(captures=content, ensures=file_ends_with, rollback=restore)
def append(path: str, line: str) -> Commands:
    """Add a line at the end of a file."""
    yield call(add_line, path, line)


@step(captures=content, ensures=file_says, rollback=restore)
def slow(path: str, text: str, seconds: float) -> Commands:
    """Make a file say something after a while."""
    yield (
        f"echo write {Path(path).name} >> {Path(path).with_name('journal')}; "
        f"sleep {seconds}; printf %s '{text}' > {path}"
    )


def wait(seconds: float) -> None:
    """Wait as a client does for a server."""
    Patience().sleep(seconds)


@step(captures=content, ensures=file_says, rollback=restore)
def slow_call(path: str, text: str, seconds: float) -> Commands:
    """Make a file say something after a while, from Python."""
    yield call(record, path, "begin")
    yield call(wait, seconds)
    yield call(effect, path, text)


def secret_in(path: str) -> Secret | None:
    """Return the secret that a file holds."""
    stands = content(path)
    return None if stands is None else Secret.of(stands)


@check(fix="see the vault")
def secret_is_kept(path: str, value: Secret) -> Finding:
    """The file holds the secret."""
    return holds_if(content(path) == value.reveal(), "it holds another one")


def restore_secret(path: str, before: Secret | None) -> None:
    """Put the secret back."""
    record(path, "restore")
    put(path, None if before is None else before.reveal())


def keep_secret(path: str, value: Secret) -> None:
    """Write the secret down."""
    record(path, "keep")
    put(path, value.reveal())


@step(captures=secret_in, ensures=secret_is_kept, rollback=restore_secret, idempotent=True)
def keep(path: str, value: Secret) -> Commands:
    """Keep a secret in a file."""
    yield call(keep_secret, path, value)
    yield f"test -s {path}"


@step(captures=secret_in, ensures=secret_is_kept, rollback=restore_secret)
def blurt(path: str, value: Secret) -> Commands:
    """Keep a secret by a shell line, where every process list shows it."""
    yield f"printf %s '{value.reveal()}' > {path}"


@check(fix="see the file")
def file_stands(path: str) -> Finding:
    """The file is there."""
    return holds_if(Path(path).exists(), "it is not")


@step(captures=content, ensures=file_stands, rollback=restore)
def leave_running(path: str) -> Commands:
    """Start a process that goes on when the step has ended."""
    yield f"sleep 60 >/dev/null 2>&1 & echo $! > {path}"


def file_is_gone(path: str) -> bool:
    """The file is gone."""
    return not Path(path).exists()


def remove(path: str) -> None:
    """Remove, noting it first."""
    record(path, "burn")
    Path(path).unlink()


@step(
    ensures=file_is_gone,
    rollback=irreversible("ashes do not turn back", instead="write it anew"),
)
def burn(path: str) -> Commands:
    """Burn a file."""
    yield call(remove, path)


def sketch(path: str, text: str) -> str:
    """Return what the file will be like; each look is noted."""
    record(path, "sketch")
    if Path(path).with_name("smudged").exists():
        raise ClientError("nothing was sketched", "the paper is wet", "rm smudged")
    if Path(path).with_name("spilled").exists():
        raise KeyError("nobody foresaw this")
    return f"{Path(path).name} says:\n    {text}"


@step(captures=content, ensures=file_says, rollback=restore, preview=sketch)
def draw(path: str, text: str) -> Commands:
    """Make a file say something, after a sketch."""
    yield call(effect, path, text)


def plain_value(value: Secret) -> str:
    """Return what nobody may see."""
    return f"it will be {value.reveal()}"


@step(captures=secret_in, ensures=secret_is_kept, rollback=restore_secret, preview=plain_value)
def announce(path: str, value: Secret) -> Commands:
    """Keep a secret in a file, and tell it beforehand."""
    yield call(keep_secret, path, value)


@step(captures=content, ensures=file_says, rollback=restore)
def pretend(path: str, text: str) -> Commands:
    """Say that a file was written, and do not write it."""
    yield call(record, path, f"pretend {text}")


@step(captures=content, ensures=file_says, rollback=restore)
def stumble(path: str, text: str) -> Commands:
    """Meet a bug in the body of a step."""
    yield call(record, path, f"stumble {text}")
    raise ZeroDivisionError("a bug in the body")


def divide(path: str) -> None:
    """Meet a bug in a call."""
    record(path, "divide")
    raise ZeroDivisionError("a bug in the call")


@step(captures=content, ensures=file_says, rollback=restore)
def trip(path: str, text: str) -> Commands:
    """Meet a bug in a call of a step."""
    yield call(divide, path)
    yield f"printf %s '{text}' > {path}"


def fall(path: str) -> None:
    """Die as a machine does."""
    record(path, "fall")
    os.kill(os.getpid(), signal.SIGKILL)


@step(captures=content, ensures=file_says, rollback=restore)
def die(path: str, text: str) -> Commands:
    """Kill the run before the effect."""
    yield call(fall, path)
    yield call(effect, path, text)


def fall_once(path: str, before: str | None) -> None:
    """Die while the file is half put back, the first time."""
    record(path, "restore")
    put(path, "half")
    if not Path(path).with_name("fallen").exists():
        Path(path).with_name("fallen").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    put(path, before)


@step(captures=content, ensures=file_says, rollback=fall_once, idempotent=True)
def die_undone(path: str, text: str) -> Commands:
    """Kill the rollback in the middle of putting it back."""
    yield call(effect, path, text)


@gate(fix="echo yes > answer")
def door_opens(path: str, timeout_seconds: float = 5, poll_seconds: float = 0.05) -> Finding:
    """The door opens."""
    if Path(path).with_name("confused").exists():
        raise KeyError("nobody foresaw this")
    stands = content(path)
    record(path, "ask")
    if stands is None:
        return unknown("nobody answers yet")
    return holds("it says yes") if stands == "yes" else fails(f"it says {stands!r}")


@step(captures=content, ensures=file_stands, rollback=restore)
def patient(path: str) -> Commands:
    """Make a file, once a file `enough` lies beside."""
    yield (
        f"echo wait {Path(path).name} >> {Path(path).with_name('journal')}; "
        f"until [ -e {Path(path).with_name('enough')} ]; do sleep 0.05; done; touch {path}"
    )


def compute_for(path: str) -> None:
    """Compute until it is enough, and let nobody else of this process have a turn."""
    record(path, "compute")
    while not Path(path).with_name("enough").exists():
        sum(range(1000))
    put(path, "done")


@step(captures=content, ensures=file_stands, rollback=restore)
def compute(path: str) -> Commands:
    """Compute until a file `enough` lies beside."""
    yield call(compute_for, path)


@gate(fix="look more often")
def looked_at(
    path: str,
    times: int,
    samples: list[Any] = FROM_RUN,
    poll_seconds: float = 0.01,
    timeout_seconds: float = 5,
) -> Finding:
    """It was looked at so often; every third look the machine goes down."""
    number = len(samples) + 1
    record(path, f"look {number}")
    if number % 3 == 0 and content(path) != str(number):
        Path(path).write_text(str(number))
        os.kill(os.getpid(), signal.SIGKILL)
    seen = {"number": number, "before": [each["number"] for each in samples]}
    if number < times:
        return unknown("not often enough", sample=seen)
    return holds("often enough", sample=seen)


def rows_are_there(path: str, rows: int) -> Finding:
    """So many rows are there; whoever asks is told how many."""
    return holds(rows=rows) if content(path) == str(rows) else fails("they are not")


def restore_rows(path: str, rows: int, before: str | None) -> None:
    """Put the file back, which takes its time."""
    time.sleep(0.5)
    restore(path, before)


@step(captures=content, ensures=rows_are_there, rollback=restore_rows, idempotent=True)
def carry(path: str, rows: int) -> Commands:
    """Carry rows."""
    yield call(effect, path, str(rows))


@gate(fix="echo yes > answer")
def measure(path: str) -> Finding:
    """Something stands there, and is measured."""
    stands = content(path)
    return holds(text=stands, size=len(stands)) if stands else fails("nothing is there")


@check(fix="see the file")
def file_has_length(path: str, number: int) -> Finding:
    """The file is as long as it should be."""
    return holds_if(content(path) == "*" * number, "it is not")


@step(captures=content, ensures=file_has_length, rollback=restore, idempotent=True)
def count(path: str, number: int) -> Commands:
    """Write so many stars."""
    yield call(effect, path, "*" * number)

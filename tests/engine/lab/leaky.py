"""Steps that would give a secret away, each in a way of its own."""

import shlex
import subprocess
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

from handrail.clients.errors import ClientError
from handrail.engine import Commands, Finding, Secret, call, check, fails, gate, step

FORMS = {
    "quoted": shlex.quote,
    "in base64": lambda text: b64encode(f"user:{text}".encode()).decode(),
    "in an address": lambda text: quote(text, safe=""),
}


def kept(path: str) -> Secret | None:
    """Return the secret that a file holds."""
    return Secret.of(Path(path).read_text()) if Path(path).exists() else None


@check(fix="see the file")
def is_kept(path: str, value: Secret) -> bool:
    """The file holds the secret."""
    return Path(path).exists() and Path(path).read_text() == value.reveal()


def put(path: str, value: Secret) -> None:
    """Write it down."""
    Path(path).write_text(value.reveal())


def restore_by_line(path: str, before: Secret | None) -> Commands:
    """Put the former secret back by a shell line, for everybody to see."""
    yield f"rm {path}" if before is None else f"printf %s {shlex.quote(before.reveal())} > {path}"


@step(captures=kept, ensures=is_kept, rollback=restore_by_line, idempotent=True)
def keep(path: str, value: Secret) -> Commands:
    """Keep a secret in a file."""
    yield call(put, path, value)


@step(captures=kept, ensures=is_kept, rollback=restore_by_line)
def print_to(path: str, value: Secret, how: str) -> Commands:
    """Keep a secret by a shell line."""
    yield f"printf %s {FORMS[how](value.reveal())} > {path}"


def content(path: str) -> str | None:
    """Return what a file says, whatever it is."""
    return Path(path).read_text() if Path(path).exists() else None


def restore(path: str, before: str | None) -> None:
    """Put it back."""
    Path(path).write_text(before or "")


@step(captures=content, ensures=is_kept, rollback=restore)
def look_in_clear(path: str, value: Secret) -> Commands:
    """Capture a secret as if it were none."""
    yield call(put, path, value)


def blurt(how: str, value: Secret) -> None:
    """Say it where it is recorded."""
    said = value.reveal()
    if how == "a refusal":
        raise ClientError(f"no answer for {said}", f"it says {said[:12]}", f"use {said}")
    if how == "a bug":
        raise ValueError(f"{said} is odd") from KeyError(said)
    subprocess.run(["sh", "-c", 'echo "$1"; exit 1', "sh", said], check=True)


@step(captures=content, ensures=is_kept, rollback=restore)
def fail(path: str, value: Secret, how: str) -> Commands:
    """Fail, and name the secret."""
    yield call(blurt, how, value)


@gate(fix="see the door")
def tell(value: Secret, timeout_seconds: float = 0) -> Finding:
    """The door is open."""
    said = value.reveal()
    return fails(f"the door says {said}", f"say {said[::1]}", door=[said, {"also": said[:10]}])


def look_around(path: str) -> None:
    """Write down what a child finds in its environment."""
    found = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    Path(path).write_text(found)


@check(fix="see the file")
def is_there(path: str) -> bool:
    """Both have looked."""
    return Path(path).exists() and Path(f"{path}.line").exists()


@step(captures=content, ensures=is_there, rollback=restore)
def show_environment(path: str, value: Secret) -> Commands:
    """Let children of both kinds look around."""
    yield call(look_around, path)
    yield f"env > {path}.line"

"""What a plan is made of beside its calls: values of secrets, files that it names, packages."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from typing import Any, Self

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from handrail.engine.arguments import HasTexts, revive, secrets_in
from handrail.engine.attempt.command import inventory_file
from handrail.engine.clause import parameters
from handrail.engine.contract import Contract, load
from handrail.engine.output import tasks_named
from handrail.ledger.entry import canonical
from handrail.ledger.errors import RunbookError
from handrail.ledger.location import project_of
from handrail.ledger.run import Run

# Of scrypt, so that a value cannot be guessed from a saved plan: 16 MiB and about 40 ms for each.
COST = {"n": 2**14, "r": 8, "p": 1}
UNREAD = "not to be read"


@dataclass(frozen=True)
class Called:
    """One call on one target, as its step takes it."""

    contract: Contract
    plain: Mapping[str, Any]  # Any: JSON
    live: Mapping[str, Any]  # Any: what the annotations name

    @classmethod
    def of(cls, step: str, plain: Mapping[str, Any], task: str, run: Run) -> Self:  # Any: JSON
        """Read its arguments; what an earlier task will record is not known yet."""
        contract = load(step)
        told = {name: each for name, each in plain.items() if not tasks_named(each)}
        try:
            return cls(contract, told, revive(contract, told, task, run.undoes or run.id))
        except (ClientError, RunbookError):
            return cls(contract, told, told)

    def secrets(self) -> Iterator[Secret]:
        """Yield those that the inventory or the call names."""
        return (each for each in secrets_in(self.live) if each.reference)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield each argument that names files whose texts are part of the act, with a digest."""
        for name, value in self.live.items():
            if isinstance(value, HasTexts):
                yield name, _digest(canonical(_texts(value)).encode())

    def files(self) -> Iterator[Path]:
        """Yield the files that its arguments name."""
        return (path for value in self.plain.values() for path in _files(value))

    def subjects(self) -> Iterator[Path]:
        """Yield those of them that the step may change: what `captures` reads, else any."""
        captures = self.contract.captures
        names = parameters(captures) if captures else [] if self.contract.is_gate else self.plain
        return (path for name in names for path in _files(self.plain.get(name)))


def values_of(calls: Mapping[str, Called], salt: str) -> dict[str, str]:
    """Return by the reference of each secret a salted digest of its value, slow to guess from."""
    found = {each.reference: each for called in calls.values() for each in called.secrets()}
    return {name: _slowly(secret, bytes.fromhex(salt)) for name, secret in sorted(found.items())}


def files_of(calls: Mapping[str, Called]) -> dict[str, str]:
    """Return digests of what the calls read on this machine.

    Args:
        calls: By `task on target`.

    Returns:
        By argument what its own type counts in, `task 5.1 on web: files`; and by path the files of
        the project that arguments name, but those that a step of the plan itself may change.
    """
    texts = {
        f"task {place}: {name}": digest
        for place, called in calls.items()
        for name, digest in called.texts()
    }
    project = project_of(Path(inventory_file()).absolute().parent)
    named = _all_of(calls, Called.files) - _all_of(calls, Called.subjects)
    inside = sorted(path for path in named if path.is_relative_to(project))
    return texts | {str(each.relative_to(project)): _digest(each.read_bytes()) for each in inside}


def _all_of(calls: Mapping[str, Called], files: Callable[[Called], Iterator[Path]]) -> set[Path]:
    return set(chain.from_iterable(map(files, calls.values())))


def packages() -> dict[str, str]:
    """Return the version of every package that Python finds here, and of Python itself."""
    found = {each.name: each.version for each in distributions()}
    return {"python": ".".join(map(str, sys.version_info[:3]))} | dict(sorted(found.items()))


def _slowly(secret: Secret, salt: bytes) -> str:
    try:
        value = secret.reveal().encode("utf-8", "surrogatepass")
    except ClientError:
        return UNREAD
    return hashlib.scrypt(value, salt=salt, **COST).hex()


def _texts(value: HasTexts) -> list[str]:
    try:
        return value.texts()
    except (ClientError, OSError):
        return [UNREAD]


def _files(value: Any) -> Iterator[Path]:  # Any: JSON
    """Yield the files that are there of those that an argument names."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        yield from chain.from_iterable(map(_files, value))
    elif isinstance(value, str) and _is_file(value):
        yield Path(value).absolute()


def _is_file(text: str) -> bool:
    """Tell whether a text is the path of a file; it may be no path at all."""
    if not 0 < len(text) < 4096 or "\0" in text:  # noqa: PLR2004  as long as a path may be
        return False
    with suppress(OSError):
        return Path(text).absolute().is_file()
    return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Arguments on their way into the ledger and back: plain data, secrets withheld."""

import hashlib
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

from handrail.clients.secret import Secret, is_reference
from handrail.engine.contract import Contract
from handrail.engine.here import refuse_absent
from handrail.engine.nested import rebuilt
from handrail.engine.output import as_plain
from handrail.engine.signature import FromTarget, takes_others
from handrail.ledger.entry import canonical
from handrail.ledger.errors import RunbookError
from handrail.ledger.secrets import Vault
from handrail.naming import meant

# What the operator says with `--data` about the run; no step takes it for an argument left out.
NOT_ARGUMENTS = {
    "reason",
    "drift",
    "settle",
    "operator",
    "run",
    "to",
    "ledger",
    "accept",
    "without",
    "takeover",
    "plan",
    "freeze",
}
MISSING: Any = object()  # Any: it stands where any value may; an inventory may hold None
PLAIN = {str, int, bool, float, type(None)}  # these hold neither secrets nor files


@runtime_checkable
class HasSecrets(Protocol):
    """An argument whose secret values are part of what a step does."""

    def secrets(self) -> list[Secret]:
        """Return them; a changed value makes it another act."""


@runtime_checkable
class HasTexts(Protocol):
    """An argument that names files whose texts are part of what a step does."""

    def texts(self) -> list[str]:
        """Return them; a changed text makes it another act."""


def bind(
    contract: Contract,
    kwargs: Mapping[str, Any],
    data: Mapping[str, Any],  # Any: what an inventory holds
    target: str,
) -> tuple[dict[str, Any], list[str]]:
    """Return a call's arguments by name as plain data, and the names of those from the target.

    What the call leaves out is the target's data of that name, else the default of the step.

    Raises:
        RunbookError: one is unknown, missing, or not plain data.
    """
    taken = contract.signature.parameters
    strange = sorted(kwargs.keys() - taken.keys())
    if strange and not takes_others(contract.signature):
        raise _misfit(contract, f"it takes no `{strange[0]}`{meant(strange[0], taken)}")
    plain = {name: _reference(as_plain(value)) for name, value in kwargs.items()}
    filled, found = complete(contract, plain, data, target)
    refuse_absent(filled)
    try:
        canonical(filled)
    except (TypeError, ValueError) as error:
        fix = "pass text, numbers, lists and dictionaries; a secret as `env:NAME` or `file:PATH`"
        raise _misfit(contract, f"an argument is not plain data: {error}", fix) from None
    return filled, found


def complete(
    contract: Contract,
    plain: Mapping[str, Any],
    data: Mapping[str, Any],  # Any: what an inventory holds
    target: str,
) -> tuple[dict[str, Any], list[str]]:
    """Return all of a step's arguments in its own order, and which of them the target gave.

    Raises:
        RunbookError: one is neither given, nor among the target's data, nor has a default.
    """
    filled: dict[str, Any] = {}
    found = []
    for name, parameter in contract.signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            filled |= {key: plain[key] for key in plain if key not in filled}
        elif name in plain:
            filled[name] = plain[name]
        elif (held := _held(contract, parameter, data)) is not MISSING:
            filled[name] = as_plain(held)
            found.append(name)
        else:
            filled[name] = _own_default(contract, parameter, target)
    return filled, found


def _held(
    contract: Contract,
    parameter: Parameter,
    data: Mapping[str, Any],  # Any: what an inventory holds
) -> Any:  # Any: as above
    """Return the target's data for an argument that a call leaves out, or MISSING.

    What an operation of pyinfra's has a default for keeps that: its names are not this inventory's.
    """
    if contract.adopted and _has_own_default(parameter):
        return MISSING
    place = _place(parameter)
    if place in NOT_ARGUMENTS:
        return MISSING
    held: Any = data  # Any: as above
    for key in place.split("."):
        held = held.get(key, MISSING) if isinstance(held, Mapping) else MISSING
    return held


def _place(parameter: Parameter) -> str:
    """Return where the target's data has an argument: under its own name, where none is said."""
    default = parameter.default
    return (default.place if isinstance(default, FromTarget) else "") or parameter.name


def _has_own_default(parameter: Parameter) -> bool:
    default = parameter.default
    return default is not parameter.empty and not isinstance(default, FromTarget)


def _own_default(contract: Contract, parameter: Parameter, target: str) -> Any:  # Any: of any type
    """Return what a step itself says of an argument that nobody gave.

    Raises:
        RunbookError: it says nothing.
    """
    if _has_own_default(parameter):
        return parameter.default
    place = _place(parameter)
    raise _misfit(
        contract,
        f"the call leaves out `{parameter.name}`, and `{target}` has no data "
        + ("of that name" if place == parameter.name else f"`{place}`"),
        f"write `{parameter.name}=…` in the call, or add `{place}` to the data of `{target}`",
    )


def _reference(value: Any) -> Any:  # Any: arguments of a call
    """Return a secret that a runbook names with its type as the name it is recorded by."""
    return rebuilt(value, _by_name)


def _by_name(value: Any) -> Any:  # Any: as above
    return value.reference or value if isinstance(value, Secret) else value


def _misfit(contract: Contract, why: str, fix: str = "") -> RunbookError:
    takes = contract.signature.replace(return_annotation=Signature.empty)
    return RunbookError(
        f"`{contract.name}` cannot be called like this",
        why,
        fix or f"correct the call; it takes {takes}",
    )


def revive(contract: Contract, plain: Mapping[str, Any], task: str, run: str) -> dict[str, Any]:
    """Turn plain arguments into the types the step's annotations name.

    Raises:
        ClientError: a value is not of the form its type reads from an inventory.
    """
    live = dict(map(_for_operation, plain, plain.values()) if contract.adopted else plain)
    for name, read in contract.readers.items():
        if live.get(name) is not None:
            live[name] = read(live[name])
    return live | {"task": task, "run": run}


def _for_operation(name: str, value: Any) -> tuple[str, Any]:  # Any: JSON
    """Return an argument of an operation of pyinfra's: a secret, or what it copies from here."""
    if is_reference(value):
        return name, Secret(value)
    return name, LocalSource(value) if _is_source(name, value) else value


class LocalSource(str):
    """A path on this machine that an operation of pyinfra's copies from: its text counts, too."""

    __slots__ = ()

    def texts(self) -> list[str]:
        """Return a digest of each file; an edited one makes it another act."""
        path = Path(self)
        files = filter(Path.is_file, [path] if path.is_file() else sorted(path.rglob("*")))
        return [
            f"{each.relative_to(path)} {hashlib.sha256(each.read_bytes()).hexdigest()}"
            for each in files
        ]


def _is_source(name: str, value: object) -> bool:
    """Tell whether an operation's argument names what it copies from here, as pyinfra names it."""
    return name == "src" and isinstance(value, str) and Path(value).exists()


def secrets_in(live: Mapping[str, Any]) -> list[Secret]:
    """Return the secrets among a step's arguments."""
    return [secret for argument in live.values() for secret in _secrets_of(argument)]


def _secrets_of(argument: object) -> Iterator[Secret]:
    if isinstance(argument, Secret):
        yield argument
    elif type(argument) not in PLAIN and isinstance(argument, HasSecrets):
        yield from argument.secrets()
    elif isinstance(argument, Mapping):
        yield from chain.from_iterable(map(_secrets_of, argument.values()))
    elif isinstance(argument, list | tuple):
        yield from chain.from_iterable(map(_secrets_of, argument))


def digest(name: str, plain: Mapping[str, Any], live: Mapping[str, Any], vault: Vault) -> str:
    """Return what identifies an act: step, plain arguments, its secrets keyed, its files' texts."""
    keyed = [vault.digest(secret.reveal()) for secret in secrets_in(live)]
    texts = [each.texts() for each in live.values() if _has_texts(each)]
    return hashlib.sha256(canonical([name, plain, keyed, texts]).encode()).hexdigest()


def _has_texts(argument: object) -> TypeGuard[HasTexts]:
    return type(argument) not in PLAIN and isinstance(argument, HasTexts)

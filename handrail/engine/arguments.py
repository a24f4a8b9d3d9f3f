"""Arguments and snapshots on their way into the ledger and back: plain data, secrets withheld."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from handrail.clients.secret import Secret
from handrail.engine.contract import Contract
from handrail.engine.here import refuse_absent
from handrail.ledger.entry import canonical
from handrail.ledger.errors import RunbookError
from handrail.ledger.secrets import Vault


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


def bind(contract: Contract, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return a call's arguments by name, as plain data.

    Raises:
        RunbookError: too many, too few, or something that is not plain data.
    """
    try:
        bound = contract.signature.bind(*args, **kwargs)
    except TypeError as error:
        raise RunbookError(
            f"`{contract.name}` cannot be called like this",
            str(error),
            f"correct the call; it takes {contract.signature}",
        ) from None
    bound.apply_defaults()
    plain = dict(bound.arguments)
    refuse_absent(plain)
    try:
        canonical(plain)
    except (TypeError, ValueError) as error:
        raise RunbookError(
            f"`{contract.name}` cannot be called like this",
            f"an argument is not plain data: {error}",
            "pass text, numbers, lists and dictionaries; a secret as `env:NAME` or `file:PATH`",
        ) from None
    return plain


def revive(contract: Contract, plain: Mapping[str, Any], task: str, run: str) -> dict[str, Any]:
    """Turn plain arguments into the types the step's annotations name.

    Raises:
        ClientError: a value is not of the form its type reads from an inventory.
    """
    live = dict(plain)
    for name, read in contract.readers.items():
        if live.get(name) is not None:
            live[name] = read(live[name])
    return live | {"task": task, "run": run}


def secrets_in(live: Mapping[str, Any]) -> list[Secret]:
    """Return the secrets among a step's arguments."""
    found: list[Secret] = []
    for argument in live.values():
        if isinstance(argument, Secret):
            found.append(argument)
        elif isinstance(argument, HasSecrets):
            found.extend(argument.secrets())
    return found


def digest(
    contract: Contract, plain: Mapping[str, Any], live: Mapping[str, Any], vault: Vault
) -> str:
    """Return what identifies an act: step, plain arguments, its secrets keyed, its files' texts."""
    keyed = [vault.digest(secret.reveal()) for secret in secrets_in(live)]
    texts = [each.texts() for each in live.values() if isinstance(each, HasTexts)]
    return hashlib.sha256(canonical([contract.name, plain, keyed, texts]).encode()).hexdigest()


def seal(value: Any, vault: Vault) -> Any:
    """Return a snapshot as plain data, each secret in it kept sealed and named."""
    return _plain(value, vault.seal)


def same(value: Any, recorded: Any, vault: Vault) -> bool:
    """Tell whether a snapshot reads as one on record; nothing is kept of it."""
    return bool(_plain(value, vault.digest) == recorded)


def trace(value: Any, vault: Vault) -> str:
    """Return a digest of a snapshot: enough to tell later whether it still reads the same."""
    return hashlib.sha256(canonical(_plain(value, vault.digest)).encode()).hexdigest()


def _plain(value: Any, name: Callable[[str], str]) -> Any:
    if isinstance(value, Secret):
        return {"sealed": name(value.reveal())}
    if isinstance(value, Mapping):
        return {str(key): _plain(each, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, name) for each in value]
    return value


def unseal(value: Any, vault: Vault) -> Any:
    """Return a snapshot as it was captured."""
    if isinstance(value, Mapping):
        if set(value) == {"sealed"}:
            return Secret.of(vault.unseal(value["sealed"]))
        return {key: unseal(each, vault) for key, each in value.items()}
    if isinstance(value, list):
        return [unseal(each, vault) for each in value]
    return value

"""Arguments and snapshots on their way into the ledger and back: plain data, secrets withheld."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from operations.clients.secret import Secret
from operations.engine.contract import Contract
from state.entry import canonical
from state.errors import RunbookError
from state.secrets import Vault


@runtime_checkable
class HasSecrets(Protocol):
    """An argument whose secret values are part of what a step does."""

    def secrets(self) -> list[Secret]:
        """Return them; a changed value makes it another act."""


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


def digest(plain: Mapping[str, Any], live: Mapping[str, Any], vault: Vault) -> str:
    """Return what identifies an act: its plain arguments and its secret values, keyed."""
    values: list[Secret] = []
    for argument in live.values():
        if isinstance(argument, Secret):
            values.append(argument)
        elif isinstance(argument, HasSecrets):
            values.extend(argument.secrets())
    text = canonical([plain, [vault.digest(value.reveal()) for value in values]])
    return hashlib.sha256(text.encode()).hexdigest()


def seal(value: Any, vault: Vault) -> Any:
    """Return a snapshot as plain data, each secret in it kept sealed and named."""
    if isinstance(value, Secret):
        return {"sealed": vault.seal(value.reveal())}
    if isinstance(value, Mapping):
        return {str(key): seal(each, vault) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [seal(each, vault) for each in value]
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

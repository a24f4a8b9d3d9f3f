"""The plain data an inventory holds for a client, read with nothing missing and nothing unknown."""

from collections.abc import Mapping

from handrail.clients.errors import ClientError
from handrail.naming import ticked


def read_fields(
    value: object, client: str, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, object]:
    """Return the named fields of an inventory entry.

    Args:
        value: The entry, as the inventory has it.
        client: What the entry is for, as an operator would say it.
        names: Every key it must have.
        optional: Keys it may have as well; no others.

    Raises:
        ClientError: it is not a mapping, lacks a key, or has one that nothing reads.
    """
    known = (*names, *optional)
    if not isinstance(value, Mapping):
        why = f"it is a {type(value).__name__}, not a dictionary"
    elif missing := [name for name in names if name not in value]:
        why = f"it lacks {ticked(missing)}"
    elif unknown := sorted(str(name) for name in value.keys() - known):
        why = f"nothing reads {ticked(unknown)}"
    else:
        return {name: value[name] for name in known if name in value}
    fix = f"write {ticked(names)} there, and nothing else"
    raise ClientError(f"the inventory entry for {client} was not accepted", why, fix)


def read_text(value: object, client: str, name: str) -> str:
    """Return a field that must be text with something in it.

    Raises:
        ClientError: it is empty, or not text.
    """
    if isinstance(value, str) and value.strip():
        return value
    raise ClientError(
        f"the inventory entry for {client} was not accepted",
        f"`{name}` is empty or not text",
        f"write `{name}` there as text",
    )


def as_list(value: object) -> list[object]:
    """Return a list as it is, and any other value as a list of itself."""
    return list(value) if isinstance(value, list | tuple) else [value]

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
    fix = f"write {ticked(names)} there, and nothing else"
    if not isinstance(value, Mapping):
        raise _refused(client, f"it is a {type(value).__name__}, not a dictionary", fix)
    if fault := _fault(value, names, known):
        raise _refused(client, fault, fix)
    return {name: value[name] for name in known if name in value}


def _fault(value: Mapping[str, object], names: tuple[str, ...], known: tuple[str, ...]) -> str:
    """Return which key an entry lacks, or which nothing reads; empty where it has just its keys."""
    if missing := [name for name in names if name not in value]:
        return f"it lacks {ticked(missing)}"
    unknown = sorted(map(str, value.keys() - known))
    return f"nothing reads {ticked(unknown)}" if unknown else ""


def read_text(value: object, client: str, name: str) -> str:
    """Return a field that must be text with something in it.

    Raises:
        ClientError: it is empty, or not text.
    """
    if isinstance(value, str) and value.strip():
        return value
    raise _refused(client, f"`{name}` is empty or not text", f"write `{name}` there as text")


def _refused(client: str, why: str, fix: str) -> ClientError:
    return ClientError(f"the inventory entry for {client} was not accepted", why, fix)


def as_list(value: object) -> list[object]:
    """Return a list as it is, and any other value as a list of itself."""
    return list(value) if isinstance(value, list | tuple) else [value]

"""The plain data an inventory holds for a client, read with nothing missing and nothing unknown."""

from collections.abc import Mapping

from handrail.clients.errors import ClientError


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
    what = f"the inventory entry for {client} was not accepted"
    fix = f"write {', '.join(f'`{name}`' for name in names)} there, and nothing else"
    if not isinstance(value, Mapping):
        raise ClientError(what, f"it is a {type(value).__name__}, not a dictionary", fix)
    missing = [name for name in names if name not in value]
    unknown = sorted(str(name) for name in value if name not in (*names, *optional))
    if missing:
        raise ClientError(what, f"it lacks `{'`, `'.join(missing)}`", fix)
    if unknown:
        raise ClientError(what, f"nothing reads `{'`, `'.join(unknown)}`", fix)
    return {name: value[name] for name in (*names, *optional) if name in value}


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

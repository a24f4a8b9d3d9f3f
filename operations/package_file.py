"""A package.json as data, and edited so that it keeps its form."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from handrail.clients.errors import ClientError

from .json_text import member, with_member, without

BOM = "\ufeff"  # some editors put it first; npm reads past it


def package_of(text: str, path: str) -> dict[str, Any]:  # Any: JSON
    """Return a package.json as data, `scripts` and `dependencies` in it as dictionaries.

    Raises:
        ClientError: it is not such a file.
    """
    what, fix = f"`{path}` was not read", f"correct `{path}`, commit, push, then the same command"
    try:
        package = json.loads(text.removeprefix(BOM), strict=False)
    except json.JSONDecodeError as error:
        raise ClientError(what, f"it is not JSON: {error}", fix) from None
    if not isinstance(package, dict):
        raise ClientError(what, "it is not an object", fix)
    for part in ("scripts", "dependencies"):
        if not isinstance(package.get(part, {}), dict):
            raise ClientError(what, f"`{part}` in it is not an object", fix)
    return package


def with_scripts(text: str, path: str, scripts: Mapping[str, str], removed: Iterable[str]) -> str:
    """Return a package.json with scripts set and others removed; all else keeps its bytes.

    Raises:
        ClientError: it is not such a file.
    """
    package = package_of(text, path)
    removed = [name for name in removed if name in package.get("scripts", {})]
    if not scripts and not removed:
        return text
    root = text.index("{")
    if "scripts" not in package:
        text = with_member(text, root, "scripts", {})
    return _with_lines(text, root, scripts, removed)


def _with_lines(text: str, root: int, scripts: Mapping[str, str], removed: Iterable[str]) -> str:
    for name in removed:
        text = without(text, _scripts(text, root), name)
    for name, line in scripts.items():
        text = with_member(text, _scripts(text, root), name, line)
    return text


def without_dependencies(text: str, path: str) -> str:
    """Return a package.json that depends on nothing; all else keeps its bytes.

    Raises:
        ClientError: it is not such a file.
    """
    package_of(text, path)
    return without(text, text.index("{"), "dependencies")


def _scripts(text: str, root: int) -> int:
    """Return where the object of scripts begins."""
    found = member(text, root, "scripts")
    return found.value_start if found else root

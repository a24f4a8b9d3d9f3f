"""A package.json as data and as text."""

import json
from typing import Any

from handrail.clients.errors import ClientError


def package_of(text: str, path: str) -> dict[str, Any]:  # Any: JSON
    """Return a package.json as data, `scripts` and `dependencies` in it as dictionaries.

    Raises:
        ClientError: it is not such a file.
    """
    what, fix = f"`{path}` was not read", f"correct `{path}`, commit, push, then the same command"
    try:
        package = json.loads(text)
    except json.JSONDecodeError as error:
        raise ClientError(what, f"it is not JSON: {error}", fix) from None
    if not isinstance(package, dict):
        raise ClientError(what, "it is no object", fix)
    for part in ("scripts", "dependencies"):
        if not isinstance(package.get(part, {}), dict):
            raise ClientError(what, f"`{part}` in it is no object", fix)
    return package


def package_text(package: dict[str, Any]) -> str:  # Any: JSON
    """Return a package.json as npm writes it."""
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"

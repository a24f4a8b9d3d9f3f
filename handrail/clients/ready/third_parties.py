"""Whether third parties take the secrets that the application is given for them."""

import base64
from collections.abc import Mapping
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.fields import read_fields, read_text
from handrail.clients.http import Http
from handrail.clients.places import filled
from handrail.clients.ready.claim import NotReady
from handrail.clients.secret import Secret, is_reference
from handrail.clients.urls import halves

GOOD = range(200, 300)
REFUSED = (401, 403)
UNKNOWN = (404, 410)


def takes_secret(name: str, entry: object, variables: Mapping[str, str]) -> str:
    """Ask a third party something that only its secret opens; nothing is made there.

    Args:
        name: What people call it.
        entry: ``{"url", "user", "password"}``, or ``{"url", "token"}`` and perhaps ``header`` and
            ``prefix``; the address of something that can be read. `{NAME}` in a value stands for a
            variable, and a value may be a reference itself.
        variables: Values that the application is given, by name; secrets as references.

    Raises:
        NotReady: the secret is refused, or there is no such account.
        ClientError: nobody can tell: the entry is wrong, or nothing answers.
    """
    given = _values(name, entry, variables)
    base, path = halves(given["url"])
    http = Http(base, name=name, **_credentials(given))
    answer = http.get(path, shown=f"GET {http.host}")
    what = f"{name} does not take the secret that the application is given"
    if answer.status in GOOD:
        return f"{http.host} takes it"
    if answer.status in REFUSED:
        fix = "put the valid secret where the inventory names it; task 3.4 sets it on the services"
        raise NotReady(what, f"{http.host} answered {answer.status}", fix)
    if answer.status in UNKNOWN:
        fix = f"correct the account's name, or `url` of `{name}` in `third_parties`"
        raise NotReady(what, f"{http.host} answered {answer.status}: it knows no such account", fix)
    raise http.refusal(answer, f"{name} could not be asked")


def _values(name: str, entry: object, variables: Mapping[str, str]) -> dict[str, str]:
    """Return an entry with each variable and each reference in it read.

    Raises:
        ClientError: it has another form, or names a variable that nobody sets.
    """
    given = read_fields(entry, name, *_keys(entry))
    known = {key: _read(value) for key, value in variables.items()}
    return {key: _value(name, key, value, known) for key, value in given.items()}


def _keys(entry: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which keys an entry must have, and which it may have."""
    if isinstance(entry, Mapping) and "token" in entry:
        return ("url", "token"), ("header", "prefix")
    return ("url", "user", "password"), ()


def _value(name: str, key: str, value: object, known: Mapping[str, str]) -> str:
    """Return a value of an entry with its variables filled in.

    Raises:
        ClientError: it is no text, or names a variable that nobody sets.
    """
    text = str(value) if key == "prefix" else read_text(value, name, key)
    found = str(filled(_read(text), known))
    if "{" in found and "}" in found:
        raise ClientError(
            f"{name} could not be asked",
            f"`{key}` of its entry in `third_parties` names a variable that nobody sets: `{value}`",
            "correct the name, or add the variable to those of the target",
        )
    return found


def _read(value: str) -> str:
    return Secret(value).reveal() if is_reference(value) else value


def _credentials(given: Mapping[str, str]) -> dict[str, Any]:  # Any: options of Http
    """Return how a secret is carried: by Basic authentication, or as a token in a header."""
    if "token" in given:
        carried = given.get("header", "Authorization"), given.get("prefix", "Bearer ")
        return {"bearer": Secret.of(given["token"]), "carried": carried}
    pair = base64.b64encode(f"{given['user']}:{given['password']}".encode()).decode()
    return {"bearer": Secret.of(pair), "carried": ("Authorization", "Basic ")}

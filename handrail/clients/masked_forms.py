"""The forms in which a secret value comes back in a text."""

import html
import json
import re
import shlex
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote, urlsplit

from handrail.clients.urls import path_of

CUT = 8  # characters of a cut value that still give it away
LONG = 4096  # characters; what is longer is a file, and comes back as it is or not at all
_PASSWORD = re.compile(r"password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)")
_NAMED = re.compile(r"pass|secret|token|key|pwd|credential", re.IGNORECASE)
_LINE = 16  # characters of a line of a key file, say, that is one by itself


@dataclass(frozen=True)
class Form:
    """One way a value is written.

    Args:
        value: The value.
        text: How it is written.
        in_parts: Whether its beginning or its end alone gives it away; those of an address do not.
    """

    value: str
    text: str
    in_parts: bool


def forms(value: str) -> list[Form]:
    """Return every form of a value, and of the parts that make it a secret."""
    whole = not _is_composed(value)
    found = {text: Form(value, text, whole) for text in _written(value)}
    for part in _parts(value):
        found |= {text: Form(value, text, in_parts=True) for text in _written(part)}
    return list(found.values())


def _is_composed(value: str) -> bool:
    """Tell whether only some of it is secret: an address, a list of accounts, settings."""
    return "://" in value or value.lstrip()[:1] in ("{", "[") or bool(_PASSWORD.search(value))


def _parts(value: str) -> Iterator[str]:
    if "://" in value:
        yield from _parts_of_address(value)
    if setting := _PASSWORD.search(value):
        yield setting[1].strip("'")
    with suppress(ValueError):
        yield from _parts_of_data(json.loads(value), secret=False)
    yield from _parts_of_lines(value)


def _parts_of_lines(value: str) -> Iterator[str]:
    """Yield the long lines of a text of several, and all of it on one line."""
    lines = value.splitlines()
    if len(lines) > 1:
        yield " ".join(value.split())
        yield from (line.strip() for line in lines if len(line.strip()) >= _LINE)


def _parts_of_address(value: str) -> Iterator[str]:
    """Yield the password; of an address without one, its token or what follows the host."""
    rest = value.partition("://")[2]
    credentials, at, _ = rest.rpartition("@")
    if at:  # a password that is not encoded may hold a slash
        user, _, password = credentials.partition(":")
        secret = password or user
        yield from {secret, unquote(secret)}
    else:
        yield from _parts_of_path(value)


def _parts_of_path(value: str) -> Iterator[str]:
    """Yield what follows the host, and the pieces of it, as far as they are long."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    path = path_of(parts._replace(path=parts.path.strip("/")))
    for each in (path, *re.split(r"[/?&=]", path)):
        if len(each) >= 2 * CUT:
            yield each


def _parts_of_data(data: object, *, secret: bool) -> Iterator[str]:
    match data:
        case dict():
            for key, each in data.items():
                yield from _parts_of_data(each, secret=bool(_NAMED.search(str(key))))
        case list():
            for each in data:
                yield from _parts_of_data(each, secret=secret)
        case str() if secret:
            yield data


def _written(value: str) -> set[str]:
    """Return the value as programs write it."""
    written = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    if len(value) > LONG:
        return written
    encoded = {quote(value, safe=""), quote(value), quote_plus(value)}
    encoded |= {re.sub("%..", lambda at: at[0].lower(), each) for each in encoded}
    quoted = shlex.quote(value)
    shell = {quoted.strip("'"), shlex.quote(quoted).strip("'"), value.replace("'", "'\\''")}
    written |= encoded | shell | {repr(value)[1:-1], html.escape(value), f"{value}"}
    in_hex = value.encode("utf-8", "surrogatepass").hex()  # as PostgreSQL writes bytes
    written |= {in_hex, in_hex.upper()} | set(_in_base64(value))
    return {each for each in written if each}


def _in_base64(value: str) -> Iterator[str]:
    """Yield what stands in the base64 of any text that holds the value."""
    plain = value.encode("utf-8", "surrogatepass")
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(plain).decode()
        for before in range(3):
            text = encode(b"\0" * before + plain).decode()
            # six bits a character: those that hold bits of a neighbour are not ours to know
            first, last = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
            yield text[first:last]

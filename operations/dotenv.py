"""A `.env` file edited by key: other variables, comments and their order stay."""

import re
from pathlib import PurePosixPath

# As dotenv and Vite read it: a value may be quoted, and then it may go over lines.
# Source: https://github.com/motdotla/dotenv/blob/master/lib/main.js
ASSIGNMENT = re.compile(
    r"^(?P<head>[^\S\r\n]*(?:export[^\S\r\n]+)?(?P<name>[\w.-]+)(?:[^\S\r\n]*=[^\S\r\n]*|:[^\S\r\n]+))"
    r"(?P<value>'(?:\\'|[^'])*'|\"(?:\\\"|[^\"])*\"|`(?:\\`|[^`])*`|[^#\r\n]*?)"
    r"(?P<tail>[^\S\r\n]*(?:#[^\r\n]*)?)(?=\r?\n|\r|\Z)",
    re.MULTILINE,
)


def is_dotenv(path: str) -> bool:
    """Tell a file of environment variables by its name: `.env`, `.env.production`."""
    name = PurePosixPath(path).name
    return name == ".env" or name.startswith(".env.")


def variables_of(text: str) -> dict[str, str]:
    """Return the values of a `.env` file as they are written there; the last of a name counts."""
    return {found["name"]: found["value"] for found in ASSIGNMENT.finditer(text)}


def with_variables(text: str, values: dict[str, str]) -> str:
    """Return a `.env` file in which these variables have these values, as they are written.

    A variable is changed where it stands, the last time where it stands twice; a new one comes at
    the end.
    """
    places = {found["name"]: found.span("value") for found in ASSIGNMENT.finditer(text)}
    known = [(places[name], values[name]) for name in values.keys() & places.keys()]
    for (start, stop), value in sorted(known, reverse=True):
        text = text[:start] + value + text[stop:]
    return _with_lines(text, [f"{name}={values[name]}" for name in values if name not in places])


def _with_lines(text: str, lines: list[str]) -> str:
    """Return a text with lines at its end, each ended as the text's own are."""
    end = "\r\n" if "\r\n" in text else "\n"
    if lines and text and not text.endswith(("\n", "\r")):
        text += end
    return text + "".join(f"{line}{end}" for line in lines)

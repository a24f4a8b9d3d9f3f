"""Pages for people: one base template, escaped, without scripts, with nothing fetched."""

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

_COLOURS = {  # they only repeat what the words say
    "proven": "good",
    "changed": "good",
    "unchanged": "good",
    "passed": "good",
    "closed": "bad",
    "stopped": "bad",
    "failed": "bad",
    "refused": "bad",
    "open": "open",
    "started": "open",
    "running": "open",
}


def render(template: str, **values: object) -> str:
    """Return a page made from a template of this folder.

    Args:
        template: Its file name.
        values: What the template names; one that is missing is an error.
    """
    return _environment().get_template(template).render(values)


def one_line(text: object) -> str:
    """Return a text without line breaks and without anything that steers a terminal."""
    words = " ".join(str(text).split())
    return "".join("\ufffd" if unicodedata.category(each)[0] == "C" else each for each in words)


def colour(words: str) -> str:
    """Return the class of a state; its colour only repeats what the words say."""
    return "bad" if "doubt" in words else _COLOURS.get(words, "")


@cache
def _environment() -> "Environment":
    from jinja2 import (  # noqa: PLC0415  most that need a line of text make no page
        Environment,
        PackageLoader,
        StrictUndefined,
    )

    return Environment(
        loader=PackageLoader("handrail", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _printable(value: object) -> object:
    """Return a value as a page may show it; what a macro made is markup already."""
    return value if isinstance(value, Markup) else one_line("" if value is None else value)

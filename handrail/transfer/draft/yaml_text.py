"""Names and texts written so that YAML reads them as they are."""

import json
import re

import yaml

from handrail.transfer.mapping.document import UNSEEN

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def text(value: str) -> str:
    """Return a text as YAML reads it; in quotes where it would read something else."""
    if PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    written = json.dumps(value, ensure_ascii=False)
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def texts(values: list[str]) -> str:
    """Return a list of texts."""
    return f"[{', '.join(map(text, values))}]"


def comment(value: str) -> str:
    """Return a text as a comment can hold it: on one line, with nothing unseen in it."""
    return UNSEEN.sub("?", re.sub(r"[\r\n\t]", " ", value))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""What is wrong with a mapping file's words, as lines that a person can mend."""

import re
from collections.abc import Iterable

from pydantic_core import ErrorDetails

from handrail.naming import FIRST, meant
from handrail.transfer.mapping.document import Document, Path
from handrail.transfer.mapping.rules import Problem
from handrail.transfer.mapping.words import (
    ColumnWords,
    DropWords,
    FileWords,
    LookupWords,
    RowWords,
    TableWords,
    Words,
)

# What pydantic finds of a value that is not what it should be, and what to write.
KINDS = {
    "string_type": ("is not a text", 'write a text there; in quotes if it is a name, as "no"'),
    "bool_type": ("is neither true nor false", "write `true` or leave it out"),
    "list_type": ("is not a list", "write `[a, b]`, each in quotes if need be"),
    "dict_type": ("holds no `key: value` lines", "write them there"),
    "model_type": ("holds no `key: value` lines", "write them there"),
}


def problem(document: Document, error: ErrorDetails) -> Problem:
    """Return one finding of pydantic with its line, what it is and what to do."""
    path = tuple(error["loc"])
    kind, name = error["type"], f"{path[-1]}" if path else "the file"
    if kind == "extra_forbidden":
        return _unknown(document, path, name)
    if kind == "missing":
        _, part = part_at(path[:-1])
        what, fix = f"{part} has no `{name}`", f"add `{name}: …`"
    elif kind in {"literal_error", "enum"}:
        choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
        what, fix = f"{label(path)} is `{error['input']}`", f"choose one of {', '.join(choices)}"
    elif kind == "said":
        given = error.get("ctx", {})
        what, fix = f"{label(path)} {given['what']}", str(given["fix"])
    else:
        found, fix = KINDS.get(kind, (f"is not understood ({error['msg']})", "see docs/mapping.md"))
        what = f"{label(path)} {found}"
    return Problem(document.place(path), what, fix)


def _unknown(document: Document, path: Path, name: str) -> Problem:
    words, part = part_at(path[:-1])
    known = sorted(names(words))
    what = f"unknown key `{name}` in {part}"
    fix = f"{meant(name, known, FIRST)}known keys: {', '.join(known)}"
    return Problem(document.place(path, key=True), what, fix)


def part_at(path: Path) -> tuple[type[Words], str]:
    """Return the words that may stand at a place of the file, and what that part is called."""
    match path:
        case ("tables", table, "columns", column, "lookup"):
            return LookupWords, f"lookup `{table}.{column}`"
        case ("tables", table, "columns", column):
            return ColumnWords, f"column `{table}.{column}`"
        case ("tables", table, "quarantine", _):
            return RowWords, f"a quarantine rule of `{table}`"
        case ("tables", _, "drop", name) | ("drop_tables", name):
            return DropWords, f"drop `{name}`"
        case ("tables", table):
            return TableWords, f"table `{table}`"
        case _:
            return FileWords, "the file"


def names(words: type[Words]) -> Iterable[str]:
    """Return the words of a part, as they are written."""
    return (field.alias or name for name, field in words.model_fields.items())


def label(path: Path) -> str:
    """Say whose value is meant, and which."""
    names = [part for part in path if isinstance(part, str)]
    match names:
        case ["tables", table, "columns", column, *words] if words:
            said = f"`{table}.{column}`: {'.'.join(words)}"
        case ["tables", table, *words] if words and words[0] not in {"columns", "drop"}:
            said = f"`{table}`: {'.'.join(words)}"
        case ["tables" | "drop_tables"]:
            said = names[0]
        case _:
            _, said = part_at(path)
    return said

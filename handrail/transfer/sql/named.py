"""Columns of the source row as a mapping writes them into SQL: `{column}`, or `{"any name"}`.

In quotes a name may hold braces; a quote in it is doubled. `{{` and `}}` outside are braces.
"""

import re

NAME = r'\{(?:"((?:[^"]|"")+)"|([^{}]+))\}'
REFERENCE = re.compile(rf"\{{\{{|\}}\}}|{NAME}")
# A `sql:` that does nothing with one column but cast it.
ONLY_CAST = re.compile(
    rf"\(?\s*{NAME}\s*\)?\s*::\s*[a-z][a-z0-9 ]*(?:\([0-9, ]+\))?[a-z ]*", re.IGNORECASE
)


# What is not said by an expression: comments, and what it quotes.
UNSAID = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


# A zone that an expression names itself.
ZONE_NAMED = re.compile(
    r"(?:\bat\s+time\s+zone\s+|\btimezone\s*\(\s*)'((?:[^']|'')*)'", re.IGNORECASE
)
# A zone that it takes from a column.
ZONE_READ = re.compile(rf"(?:\bat\s+time\s+zone\s+|\btimezone\s*\(\s*)\(?\s*{NAME}", re.IGNORECASE)
# A text that it reads as a clock.
CLOCK_READ = re.compile(
    rf"{NAME}\s*\)?\s*::\s*timestamp(?:\s*\(\s*\d\s*\))?(?!\w|\s*\(|\s+with\s+time)", re.IGNORECASE
)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def zones_in(expression: str | None) -> list[str]:
    """Return the zones that an expression names itself."""
    return ZONE_NAMED.findall(COMMENT.sub(" ", expression or ""))


def zones_read_in(expression: str | None) -> set[str]:
    """Return the columns that an expression takes zones from."""
    found = ZONE_READ.finditer(COMMENT.sub(" ", expression or ""))
    return {name for each in found if (name := name_of(each))}


def clocks_read_in(expression: str | None) -> set[str]:
    """Return the columns that an expression casts to a timestamp without a zone."""
    found = CLOCK_READ.finditer(COMMENT.sub(" ", expression or ""))
    return {name for each in found if (name := name_of(each))}


def reads_clocks(expression: str | None) -> bool:
    """Say whether an expression deals with zones by itself."""
    said = " ".join(said_in(expression).lower().split())
    return "at time zone" in said or "timezone(" in said.replace(" (", "(")


def enclosed(expression: str) -> str:
    """Return an expression in brackets, which a comment at its end leaves alone."""
    return f"({expression}\n)" if "--" in expression else f"({expression})"


def said_in(expression: str | None) -> str:
    """Return an expression without its comments and texts."""
    return UNSAID.sub(" ", expression or "")


def name_of(found: re.Match[str]) -> str | None:
    """Return the column that a match names; None for a brace."""
    return found[1].replace('""', '"') if found[1] is not None else found[2]


def names_in(text: str | None) -> set[str]:
    """Return every column that an expression names."""
    return {name for found in REFERENCE.finditer(text or "") if (name := name_of(found))}


def only_cast(expression: str | None) -> str | None:
    """Return the column that an expression does nothing with but cast it, if it is such a one."""
    found = ONLY_CAST.fullmatch((expression or "").strip())
    return name_of(found) if found else None


def reference(name: str) -> str:
    """Return a column as it is written into an expression."""
    if set(name) & set("{}") or name.startswith('"'):
        return '{"' + name.replace('"', '""') + '"}'
    return f"{{{name}}}"

"""Names and values written into generated SQL."""

import datetime as dt
import decimal
import json

SPELT = (str, int, float, decimal.Decimal, dt.date, dt.time)  # a datetime is a date


def quoted(name: str) -> str:
    """Return one identifier, quoted whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """Return `"schema"."name"`."""
    return f"{quoted(schema)}.{quoted(name)}"


def literal(text: str) -> str:
    """Return a text constant; sessions pin `standard_conforming_strings`: a backslash is plain."""
    return "'" + text.replace("'", "''") + "'"


def constant(value: object, sql_type: str) -> str:
    """Return a YAML value as a constant of a PostgreSQL type.

    Args:
        value: What the YAML file holds: null, text, number, boolean, date, list or mapping.
        sql_type: Type as PostgreSQL spells it; json and jsonb take the value as JSON.
    """
    if value is None:
        return f"NULL::{sql_type}"
    return f"{literal(plain(value, sql_type))}::{sql_type}"


def plain(value: object, sql_type: str = "text") -> str:
    """Return the text PostgreSQL reads as this value."""
    if sql_type in {"json", "jsonb"} or not _is_spelt(value):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _is_spelt(value: object) -> bool:
    """Say whether `str` writes a value as PostgreSQL reads it; true and false it does not."""
    return isinstance(value, SPELT) and not isinstance(value, bool)


def first_of(query: str, rows: int) -> str:
    """Return a SELECT of the first rows of a query that gives one column.

    What is found is kept first: with a limit right behind it, the planner takes the first rows to
    come soon, and reads a joined table once for each row.
    """
    return f"with found(k) as materialized ({query}) select k from found limit {rows}"


def block(body: str) -> str:
    """Return a DO statement of PL/pgSQL, between dollars that are not in it."""
    tag = "$block$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"do {tag}{body}{tag}"

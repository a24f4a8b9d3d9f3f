"""Map the destination back to the legacy text and hold it against the text itself.

The forward comparison uses one expression on both sides, so a wrong zone or a wrong format verifies
perfectly there. This one shares nothing with it but the declared rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from handrail.transfer.read.journal import Chunk
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import constant, first_of, literal, quoted
from handrail.transfer.session.stream import copy_rows
from handrail.transfer.sql import casts
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL

CHUNK_ROWS = 250_000
COLUMNS = 500  # looked at in one go: PostgreSQL takes 1,664 in all, and each counts three times
INTEGERS = {"smallint", "integer", "bigint"}
SAMPLES = 5
FEW_TEXTS = {"date", "time"}


@dataclass(frozen=True)
class Inverse:
    """One column held against the legacy text: rows looked at, rows that differ, the first keys."""

    table: str
    column: str
    rows: int
    wrong: int
    keys: tuple[str, ...]

    def reason(self) -> str:
        """Say which rows differ."""
        named = f"`{self.table}.{self.column}`"
        return f"{named}: {self.wrong} of {self.rows} do not map back, as {', '.join(self.keys)}"


@dataclass
class _Total:
    rows: int = 0
    wrong: int = 0
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Looked:
    """A column with its condition over `t`, the legacy text, and `d`, the row, and its join.

    `pair` is the same condition over `p.raw` and `p.now`, where a text has no single form.

    Few pairs of text and value stand for many rows, and PostgreSQL (14 and later) answers a join
    to one it has seen from its cache, where statistics say how few they are.
    """

    column: ColumnPlan
    wrong: str
    join: str = ""
    pair: str = ""


def check(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection
) -> Iterator[Inverse]:
    """Check every column of one table that can be mapped back.

    Args:
        plan: The compiled mapping; its load is on the destination.
        table: One of its tables.
        source: Session inside one snapshot of the source.
        destination: Session that may make a temporary table.
    """
    for some in looked_at(table):
        yield from _check(plan, table, some, source, destination)


def looked_at(table: TablePlan) -> list[list[Looked]]:
    """List the columns of a table that can be mapped back, as many as are looked at in one go."""
    columns = [found for column in table.columns if (found := _looked_at(column)) is not None]
    starts = range(0, len(columns), COLUMNS) if table.key is not None else ()
    return [columns[first : first + COLUMNS] for first in starts]


def _check(
    plan: Plan,
    table: TablePlan,
    columns: list[Looked],
    source: Connection,
    destination: Connection,
) -> Iterator[Inverse]:
    """Check some columns in one reading of the table."""
    totals = {looked.column.name: _Total() for looked in columns}
    _hold_texts(destination, table, columns)
    supply = LiveSupply(source, "", text=plan.text_hashes, chunk_rows=CHUNK_ROWS)
    for chunk in supply.cut(table):
        _bring(source, destination, table, columns, chunk)
        _count(destination, table, columns, totals)
    destination.execute("drop table pg_temp.legacy_text")
    for name, total in totals.items():
        yield Inverse(table.name, name, total.rows, total.wrong, tuple(total.keys[:SAMPLES]))


def _text(looked: Looked) -> str:
    return quoted(f"raw:{looked.column.name}")


def _hold_texts(destination: Connection, table: TablePlan, columns: list[Looked]) -> None:
    """Make the table that legacy texts are held in."""
    listing = ", ".join(f"{_text(looked)} text" for looked in columns)
    destination.execute(
        "drop table if exists pg_temp.legacy_text; "
        f"create temporary table legacy_text (k {table.key_type}, name text, {listing})"
    )


def _bring(
    source: Connection,
    destination: Connection,
    table: TablePlan,
    columns: list[Looked],
    chunk: Chunk,
) -> None:
    """Bring the legacy texts of a chunk over."""
    destination.execute("truncate pg_temp.legacy_text")
    key = next(column.sql for column in table.columns if column.name == table.key)
    raw = ", ".join(f"s.{quoted(each.column.source or '')}::text" for each in columns)
    rows = f"{table.relation(table.span(chunk.lower, chunk.upper, source=True))}"
    query = f"select {key}, {table.key_text}, {raw} from {rows} where {table.kept()}"
    copy_rows(source, destination, query, "pg_temp.legacy_text")
    few = [_text(each) for each in columns if each.join]
    if few:  # how few they are is what the planner has to know
        destination.execute(f"analyze pg_temp.legacy_text ({', '.join(few)})")


def _count(
    destination: Connection,
    table: TablePlan,
    columns: list[Looked],
    totals: dict[str, _Total],
) -> None:
    """Look at all columns in one pass; a changed value on record is looked up only when wrong."""
    joined = (
        f"pg_temp.legacy_text t join {table.target_rows} d on d.{quoted(table.key or '')} = t.k"
    )
    joined += "".join(each.join for each in columns)
    conditions = [
        f"{each.wrong} and not exists (select 1 from _migration.adjusted a where a.key = t.name "
        f"and a.table_name = {literal(table.name)} "
        f"and a.column_name = {literal(each.column.name)} and a.action <> 'drop')"
        for each in columns
    ]
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in conditions)
    row = destination.execute(f"select count(*), {counts} from {joined}").fetchone() or ()
    for each, condition, wrong in zip(columns, conditions, row[1:], strict=True):
        total = totals[each.column.name]
        total.rows += row[0]
        total.wrong += wrong
        if wrong:
            named = f"select t.name from {joined} where {condition}"
            found = destination.execute(first_of(named, SAMPLES))
            total.keys += [name for (name,) in found]


def _looked_at(column: ColumnPlan) -> Looked | None:
    """Return how a column is looked at; None where there is no inverse."""
    raw, now = f"t.{quoted(f'raw:{column.name}')}", f"d.{quoted(column.name)}"
    if column.rule.cast not in FEW_TEXTS:
        wrong = _wrong(column, raw, now)
        return Looked(column, wrong) if wrong is not None else None
    wrong = _wrong(column, "p.raw", "p.now")
    if wrong is None:
        return None
    name = quoted(f"wrong:{column.name}")
    pair = f"select {raw} as raw, {now} as now offset 0"
    join = f" cross join lateral (select {wrong} as wrong from ({pair}) p offset 0) {name}"
    return Looked(column, f"{name}.wrong", join, wrong)


def _wrong(column: ColumnPlan, raw: str, now: str) -> str | None:
    """Return a condition over the legacy text and the value; None where there is no inverse."""
    rule = column.rule
    if column.source is None or rule.sql or rule.lookup or rule.values or rule.rewritten:
        return None
    differs = _differs(column, raw, now)
    if differs is None:
        return None
    absent, default = absence(column, raw), stand_in(column)
    # a type without a hash may have no equality, as json, or one that `search_path` does not find
    filled = (
        f"({now})::text is distinct from ({default})::text"
        if column.as_text
        else f"{now} is distinct from {default}"
    )
    return f"case when {absent} then {filled} else coalesce({differs}, true) end"


def absence(column: ColumnPlan, raw: str) -> str:
    """Return a condition: the legacy text is not there, or is one that means none."""
    nulls = column.rule.nulls
    return f"{raw} is null" + (f" or {casts.listed(raw, nulls)}" if nulls else "")


def stand_in(column: ColumnPlan) -> str:
    """Return the value that stands for a legacy text that is not there."""
    default = column.rule.default
    return constant(default.value, column.type) if default else f"null::{column.type}"


def _differs(column: ColumnPlan, raw: str, now: str) -> str | None:
    """Return a condition: a text that is there is not what the value maps back to."""
    if column.rule.cast in FEW_TEXTS:
        forms = column.rule.formats
        return f"not ({' or '.join(_like(_spelled(form, now), raw, form) for form in forms)})"
    same = forms_of(column, raw, now)
    return f"{same[0]} <> {same[1]}" if same is not None else None


def forms_of(column: ColumnPlan, raw: str, now: str) -> tuple[str, str] | None:
    """Return what is equal where a value maps back to the legacy text: of the text, of the value.

    None where there is no inverse, or no single form of it: a day is spelled in many ways.
    """
    cast = column.rule.cast
    if cast is None:
        return _uncast(column, raw, now)
    if cast == "json":
        return f"{raw}::jsonb", f"{now}::jsonb"
    if cast == "boolean" and column.source_type not in TEXTUAL:
        return f"({raw})::numeric", f"({now})::int::numeric"  # 1.0 and 1 are one number
    return None


def _uncast(column: ColumnPlan, raw: str, now: str) -> tuple[str, str] | None:
    """Return the forms of a column that is copied, widened or given a zone."""
    source, target = column.source_type, column.type
    if source == NAIVE and target == AWARE:
        return raw, f"({now} at time zone {literal(column.rule.zone or 'UTC')})::text"
    if source in INTEGERS and target in INTEGERS:
        return f"({raw})::bigint", f"({now})::bigint"
    if source in INTEGERS or source == target == "numeric":
        # a double writes a million as 1e+06, and a scale of two a half as 0.50
        return f"{raw}::numeric", f"({now})::numeric"
    if source == target or (source in TEXTUAL and target in TEXTUAL):
        return casts.written(raw, column.rule.write), f"{now}::text"
    return None


def _plain(text: str) -> str:
    """Return an expression: a text in lower case without leading zeros, blanks and dots."""
    zeros = f"regexp_replace({casts.folded(text)}, '(^|[^0-9])0+([0-9])', '\\1\\2', 'g')"
    september = f"regexp_replace({zeros}, 'sept([^e])', 'sep\\1')"
    return f"translate({september}, ' .', '')"


def _spelled(form: str, now: str) -> list[str]:
    """Return expressions: the value written in a format, in each spelling of the month's name."""
    whole = form.rstrip("*")
    spellings = [whole]
    if "Mon" in whole:
        bare = whole.replace("Month", "Mon")
        spellings = [bare.replace("Mon", "FMMonth"), bare]
    stamp = (
        f"({now}::text)::timestamp"
        if "YYYY" in form
        else f"('2000-01-01 ' || {now}::text)::timestamp"
    )
    return [f"to_char({stamp}, {literal(_escaped(item))})" for item in spellings]


def _escaped(form: str) -> str:
    """Quote the letters of a format that mean themselves, as the T of an ISO date-time."""
    kept = {"YYYY", "Mon", "MM", "DD", "HH24", "HH12", "MI", "SS", "AM"}

    def written(part: str) -> str:
        if part == "\0":
            return "FMMonth"
        return part if part in kept or not part.isalpha() else f'"{part}"'

    return "".join(map(written, casts.TOKENS.findall(form.replace("FMMonth", "\0"))))


def _like(spellings: list[str], raw: str, form: str) -> str:
    text = _plain(raw)
    if form.endswith("*"):
        return " or ".join(f"starts_with({text}, {_plain(item)})" for item in spellings)
    return " or ".join(f"{text} = {_plain(item)}" for item in spellings)

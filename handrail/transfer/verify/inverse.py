"""Map the destination back to the legacy text and hold it against the text itself.

The forward comparison uses one expression on both sides, so a wrong zone or a wrong format verifies
perfectly there. This one shares nothing with it but the declared rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from handrail.transfer.read.journal import Chunk
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.pieces import pieces
from handrail.transfer.session.quoting import constant, first_of, literal, quoted
from handrail.transfer.session.stream import copy_rows
from handrail.transfer.sql import casts
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL
from handrail.transfer.verify.spelling import like, spelled

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
    columns = list(filter(None, map(_looked_at, table.columns)))
    return pieces(columns, COLUMNS) if table.key is not None else []


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
    key = table.by_name[table.key or ""].sql
    raw = ", ".join(f"{each.column.raw}::text" for each in columns)
    rows = f"{table.relation(table.span(chunk.lower, chunk.upper, source=True))}"
    query = f"select {key}, {table.key_text}, {raw} from {rows} where {table.kept()}"
    copy_rows(source, destination, query, "pg_temp.legacy_text")
    _tell_how_few(destination, columns)


def _tell_how_few(destination: Connection, columns: list[Looked]) -> None:
    """Let the planner know how few different texts there are, where they are looked at by pairs."""
    if few := [_text(each) for each in columns if each.join]:
        destination.execute(f"analyze pg_temp.legacy_text ({', '.join(few)})")


def _count(
    destination: Connection,
    table: TablePlan,
    columns: list[Looked],
    totals: dict[str, _Total],
) -> None:
    """Look at all columns in one pass; a changed value on record is looked up only when wrong."""
    joined = _joined(table, columns)
    conditions = [_unexplained(table, each) for each in columns]
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in conditions)
    ((rows, *found),) = destination.execute(f"select count(*), {counts} from {joined}")
    for each, condition, wrong in zip(columns, conditions, found, strict=True):
        total = totals[each.column.name]
        total.rows += rows
        total.wrong += wrong
        if wrong:
            named = f"select t.name from {joined} where {condition}"
            total.keys += [name for (name,) in destination.execute(first_of(named, SAMPLES))]


def _unexplained(table: TablePlan, looked: Looked) -> str:
    """Return the condition of the rows that differ without a change on record."""
    return (
        f"{looked.wrong} and not exists (select 1 from _migration.adjusted a where a.key = t.name "
        f"and a.table_name = {literal(table.name)} "
        f"and a.column_name = {literal(looked.column.name)} and a.action <> 'drop')"
    )


def _joined(table: TablePlan, columns: list[Looked]) -> str:
    """Return the FROM item of legacy texts `t`, each with its row `d`, and what is joined to it."""
    on = f"d.{quoted(table.key or '')} = t.k"
    rows = f"pg_temp.legacy_text t join {table.target_rows} d on {on}"
    return "".join([rows, *(each.join for each in columns)])


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
    differs = _differs(column, raw, now) if _has_legacy_text(column) else None
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


def _has_legacy_text(column: ColumnPlan) -> bool:
    """Say whether a column is made of one text of the source, by rules that can be turned round."""
    rule = column.rule
    made = rule.sql or rule.lookup or rule.values or rule.rewritten
    return column.source is not None and not made


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
        return f"not ({' or '.join(like(spelled(form, now), raw, form) for form in forms)})"
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
    if (source, target) == (NAIVE, AWARE):
        return raw, f"({now} at time zone {literal(column.rule.zone or 'UTC')})::text"
    if (numbers := _numeric(column, raw, now)) is not None:
        return numbers
    if source == target or {source, target} <= TEXTUAL:
        return casts.written(raw, column.rule.write), f"{now}::text"
    return None


def _numeric(column: ColumnPlan, raw: str, now: str) -> tuple[str, str] | None:
    """Return the forms of a whole number, or of decimals; None of anything else."""
    source, target = column.source_type, column.type
    if {source, target} <= INTEGERS:
        return f"({raw})::bigint", f"({now})::bigint"
    if source in INTEGERS or source == target == "numeric":
        # a double writes a million as 1e+06, and a scale of two a half as 0.50
        return f"{raw}::numeric", f"({now})::numeric"
    return None

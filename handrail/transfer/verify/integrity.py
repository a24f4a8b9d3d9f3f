"""What must hold on the destination: keys, sequences, catalogs, evidence and plain facts."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from handrail.transfer.load.bulk import changed_tables
from handrail.transfer.session.asking import Line, Question, Rows, gathered, only, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.pieces import pieces
from handrail.transfer.session.quoting import first_of, literal, qualified, quoted
from handrail.transfer.sql.catalog import Column, Constraint, Table
from handrail.transfer.sql.hashes import hashes_text
from handrail.transfer.sql.numbered import number_in
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import AWARE, HASHED, INTEGERS

SAMPLES = 5
COLUMNS = 500  # counted in one go, by three figures each: PostgreSQL gives no more than 1,664

INDEXES = (
    "select set_config('enable_indexscan', '{switch}', false), "
    "set_config('enable_indexonlyscan', '{switch}', false)"
)


@dataclass(frozen=True)
class Claim:
    """One claim about one table that was looked at; `keys` are the first rows against it."""

    claim: str
    table: str
    subject: str
    good: bool
    said: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as a reason."""
        return f"{self.claim} of `{self.table}` {self.subject}: {self.said}".replace(" of ``", "")


def checking(plan: Plan, source: Connection, destination: Connection) -> Line[list[Claim]]:
    """Check every table; each claim is told, whether it holds or not."""
    lines: list[Line[list[Claim]]] = [_catalog(plan, destination)]
    for table in plan.tables:
        lines += [*_of_itself(plan, table, destination), _evidence(table, source, destination)]
        lines += [_values(table, told, source, destination) for told in _told(table)]
    return (yield from gathered(lines))


def keeping(plan: Plan, destination: Connection) -> Line[list[Claim]]:
    """Check what must hold for good, whatever users wrote since: the source is not asked."""
    lines = (_of_itself(plan, table, destination) for table in plan.tables)
    return (yield from gathered(itertools.chain.from_iterable(lines)))


def _of_itself(plan: Plan, table: TablePlan, destination: Connection) -> list[Line[list[Claim]]]:
    keys = plan.destination.by_name[table.name]
    return [
        *(_reference(table, key, destination) for key in keys.foreign_keys),
        *(_unique(table, keys, unique, destination) for unique in keys.uniques),
        *(_sequence(table, column, destination) for column in keys.columns if column.is_numbered),
        _triggers(table, destination),
    ]


def _catalog(plan: Plan, destination: Connection) -> Line[list[Claim]]:
    changed = yield from changed_tables(destination, plan)
    said = "columns, keys and indexes as compiled"
    if changed:
        said = f"different columns, keys or indexes on {', '.join(changed)}"
    return [Claim("catalog", "", "all tables", good=not changed, said=said)]


def _reference(table: TablePlan, key: Constraint, destination: Connection) -> Line[list[Claim]]:
    """Look for orphans by anti-join: a constraint that says valid has been seen to be wrong."""
    orphans = _orphans(table, key)
    count = yield from only(destination, f"select count(*) {orphans}")
    shown = " || ',' || ".join(f"c.{quoted(name)}::text" for name in key.columns)
    keys = (yield from _sample(destination, f"select {shown} {orphans}")) if count else ()
    said = f"{count} rows refer to no row of `{key.target}`"
    subject = ", ".join(key.columns)
    return [Claim("references", table.name, subject, good=not count, said=said, keys=keys)]


def _orphans(table: TablePlan, key: Constraint) -> str:
    """Return FROM and WHERE of the rows `c` that refer to no row."""
    on = " and ".join(
        f"p.{quoted(theirs)} = c.{quoted(ours)}"
        for ours, theirs in zip(key.columns, key.target_columns, strict=True)
    )
    filled = " and ".join(f"c.{quoted(name)} is not null" for name in key.columns)
    parent = qualified(table.schema, key.target or "")
    missing = f"not exists (select 1 from {parent} p where {on})"
    return f"from {table.target_rows} c where {filled} and {missing}"


def _unique(
    table: TablePlan, there: Table, unique: tuple[str, ...], destination: Connection
) -> Line[list[Claim]]:
    names = ", ".join(map(quoted, unique))
    filled = " and ".join(f"{quoted(name)} is not null" for name in unique)
    rows = f"{table.target_rows} where {filled}"
    told = _told_apart([there.by_name[name] for name in unique], destination)
    found: Rows = []
    if not (yield from _all_differ(destination, told, rows)):
        repeated = f"select concat_ws(',', {names}) from {rows} group by {names}"
        found = yield from _past_indexes(
            destination, first_of(f"{repeated} having count(*) > 1", SAMPLES)
        )
    keys = tuple(str(key) for (key,) in found)
    said = "values are there twice" if keys else "no value twice"
    return [Claim("unique", table.name, ", ".join(unique), good=not keys, said=said, keys=keys)]


def _all_differ(destination: Connection, told: str | None, rows: str) -> Line[bool]:
    """Say whether an expression tells all rows apart; without one, nothing is told."""
    if told is None:
        return False
    query = f"select count(*) = count(distinct {told}) from {rows}"
    ((differ,),) = yield from _past_indexes(destination, query)
    return bool(differ)


def _told_apart(columns: list[Column], destination: Connection) -> str | None:
    """Return an expression by which rows are told apart several times faster than by their values.

    Equal values have equal hashes, so as many hashes as rows leave no value twice; fewer tell
    nothing yet.
    """
    if [column.type in INTEGERS for column in columns] == [True]:
        return quoted(columns[0].name)
    hashed = all(column.type in HASHED for column in columns)
    if not hashed or hashes_text(destination.info.server_version):
        return None
    return f"hash_record_extended(row({', '.join(quoted(each.name) for each in columns)}), 0)"


def _past_indexes(destination: Connection, query: str) -> Line[Rows]:
    """Ask the rows themselves: a damaged index would hide what it failed to hold apart."""
    _, found, _ = yield [
        Question(destination, INDEXES.format(switch="off")),
        Question(destination, query),
        Question(destination, INDEXES.format(switch="on")),
    ]
    return found


def _sequence(table: TablePlan, column: Column, destination: Connection) -> Line[list[Claim]]:
    number = number_in(column, quoted(column.name))
    end = f"({number}) from {table.target_rows} where {number} between seqmin and seqmax)"
    ((upcoming, step, used),) = yield from rows(
        destination,
        "select case when is_called then last_value + seqincrement else last_value end, "
        f"seqincrement, case when seqincrement > 0 then (select max{end} else (select min{end} end "
        f"from {column.sequence}, pg_sequence "
        f"where seqrelid = {literal(column.sequence or '')}::regclass",
    )
    word = "highest" if step > 0 else "lowest"
    good = used is None or (upcoming - used) * step > 0
    said = f"the next number is {upcoming}, the {word} in use {used}"
    return [Claim("sequence", table.name, column.name, good=good, said=said)]


def _triggers(table: TablePlan, destination: Connection) -> Line[list[Claim]]:
    """A disabled trigger may be a foreign key that no longer guards anything."""
    of_table = f"tgrelid = to_regclass({literal(table.target)})"
    query = f"select tgname::text from pg_trigger where {of_table} and tgenabled = 'D'"
    keys = yield from _sample(destination, query)
    said = "triggers are disabled" if keys else "all triggers enabled"
    return [Claim("triggers", table.name, "", good=not keys, said=said, keys=keys)]


def _evidence(table: TablePlan, source: Connection, destination: Connection) -> Line[list[Claim]]:
    """Hold the rows kept out, key by key, against those the source gives now."""
    recorded = "select key, reason from _migration.quarantine where table_name = %s"
    asked = [Question(destination, recorded, [table.name])]
    if table.reason:
        asked.append(Question(source, f"select key, reason from ({table.quarantined()}) q"))
    found, *given = yield asked
    there, wanted = set(found), set(itertools.chain(*given))
    different = sorted(key for key, _ in there ^ wanted)
    unaccounted = f", {len(different)} unaccounted for" if different else ""
    said = f"{len(there)} rows kept out{unaccounted}"
    keys = tuple(different[:SAMPLES])
    return [Claim("quarantine", table.name, "", good=not different, said=said, keys=keys)]


def _told(table: TablePlan) -> list[list[ColumnPlan]]:
    """List the columns of which true, false and NULL, or first and last, are told."""
    told = [column for column in table.columns if column.type in {"boolean", AWARE}]
    return pieces(told, COLUMNS)


def _values(
    table: TablePlan, told: list[ColumnPlan], source: Connection, destination: Connection
) -> Line[list[Claim]]:
    """Count true, false and NULL, and the first and last moment in UTC, on both sides."""

    def facts(on_source: bool) -> Question:  # noqa: FBT001 - mapped over both sides
        parts = [_figures(each, each.sql if on_source else each.target) for each in told]
        of = f"{table.relation()} where {table.kept()}" if on_source else table.target_rows
        return Question(
            source if on_source else destination, f"select {', '.join(parts)} from {of}"
        )

    (mine,), (other,) = yield [facts(True), facts(False)]  # noqa: FBT003
    return [
        _counted(table, column, mine[3 * n : 3 * n + 3], other[3 * n : 3 * n + 3])
        for n, column in enumerate(told)
    ]


def _figures(column: ColumnPlan, read: str) -> str:
    """Return the three figures that are told of a column."""
    figures = f"min({read})::text, max({read})::text"
    if column.type == "boolean":
        figures = f"count(*) filter (where {read}), count(*) filter (where not {read})"
    return f"{figures}, count(*) filter (where {read} is null)"


def _counted(
    table: TablePlan, column: ColumnPlan, ours: Sequence[object], theirs: Sequence[object]
) -> Claim:
    """Claim that the figures of a column are the same on both sides."""
    claim, words = "moments", "from {} to {}, NULL {}"
    if column.type == "boolean":
        claim, words = "booleans", "true {}, false {}, NULL {}"
    on_source = "" if ours == theirs else f"; on the source {words.format(*ours)}"
    said = words.format(*theirs) + on_source
    return Claim(claim, table.name, column.name, good=ours == theirs, said=said)


def _sample(session: Connection, query: str) -> Line[tuple[str, ...]]:
    found = yield from rows(session, first_of(query, SAMPLES))
    return tuple(str(row[0]) for row in found)

"""What must hold on the destination: keys, sequences, catalogs, evidence and plain facts."""

from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.load import bulk
from handrail.transfer.load.bulk import CatalogChanged
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import first_of, literal, qualified, quoted
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import AWARE, INTEGERS

SAMPLES = 5
COLUMNS = 500  # counted in one go, by three figures each: PostgreSQL gives no more than 1,664


@dataclass(frozen=True)
class Claim:
    """One claim about one table that was looked at; `keys` are the first rows against it."""

    claim: str
    table: str
    subject: str
    good: bool
    said: str
    keys: tuple[str, ...] = ()


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Claim]:
    """Check every table; each claim is yielded, whether it holds or not."""
    yield _catalog(plan, destination)
    for table in plan.tables:
        yield from _references(plan, table, destination)
        yield from _uniques(plan, table, destination)
        yield from _sequences(plan, table, destination)
        yield _triggers(table, destination)
        yield _evidence(table, source, destination)
        yield from _values(table, source, destination)


def _catalog(plan: Plan, destination: Connection) -> Claim:
    try:
        bulk.compare(destination, plan)
    except CatalogChanged as error:
        return Claim("catalog", "", "all tables", good=False, said=error.why)
    return Claim(
        "catalog", "", "all tables", good=True, said="columns, keys and indexes as compiled"
    )


def _references(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Claim]:
    """Look for orphans by anti-join: a constraint that says valid has been seen to be wrong."""
    for key in plan.destination.by_name[table.name].foreign_keys:
        on = " and ".join(
            f"p.{quoted(theirs)} = c.{quoted(ours)}"
            for ours, theirs in zip(key.columns, key.target_columns, strict=True)
        )
        filled = " and ".join(f"c.{quoted(name)} is not null" for name in key.columns)
        parent = qualified(table.schema, key.target or "")
        missing = f"not exists (select 1 from {parent} p where {on})"
        rows = f"from {table.target_rows} c where {filled} and {missing}"
        count = value(destination, f"select count(*) {rows}")
        shown = " || ',' || ".join(f"c.{quoted(name)}::text" for name in key.columns)
        keys = _sample(destination, f"select {shown} {rows}") if count else ()
        said = f"{count} rows refer to no row of `{key.target}`"
        yield Claim(
            "references", table.name, ", ".join(key.columns), good=not count, said=said, keys=keys
        )


def _uniques(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Claim]:
    for unique in plan.destination.by_name[table.name].uniques:
        names = ", ".join(quoted(name) for name in unique)
        filled = " and ".join(f"{quoted(name)} is not null" for name in unique)
        shown = f"concat_ws(',', {names})"
        groups = f"{table.target_rows} where {filled} group by {names}"
        rows = f"select {shown} from {groups} having count(*) > 1"
        # a damaged index would hide what it failed to hold apart
        with destination.transaction():
            destination.execute("set local enable_indexscan = off")
            destination.execute("set local enable_indexonlyscan = off")
            keys = _sample(destination, rows)
        said = "values are there twice" if keys else "no value twice"
        yield Claim("unique", table.name, ", ".join(unique), good=not keys, said=said, keys=keys)


def _sequences(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Claim]:
    for column in plan.destination.by_name[table.name].columns:
        if column.sequence is None or column.type not in INTEGERS:
            continue
        state = destination.execute(
            "select case when is_called then last_value + seqincrement else last_value end, "
            f"seqincrement from {column.sequence}, pg_sequence "
            f"where seqrelid = {literal(column.sequence)}::regclass"
        ).fetchone()
        upcoming, step = state or (0, 1)
        furthest, word = ("max", "highest") if step > 0 else ("min", "lowest")
        query = f"select {furthest}({quoted(column.name)}) from {table.target_rows}"
        used = value(destination, query)
        good = used is None or (upcoming - used) * step > 0
        said = f"the next number is {upcoming}, the {word} in use {used}"
        yield Claim("sequence", table.name, column.name, good=good, said=said)


def _triggers(table: TablePlan, destination: Connection) -> Claim:
    """A disabled trigger may be a foreign key that no longer guards anything."""
    query = (
        "select tgname::text from pg_trigger where tgrelid = to_regclass("
        + literal(table.target)
        + ") "
        "and tgenabled = 'D'"
    )
    keys = _sample(destination, query)
    said = "triggers are disabled" if keys else "all triggers enabled"
    return Claim("triggers", table.name, "", good=not keys, said=said, keys=keys)


def _evidence(table: TablePlan, source: Connection, destination: Connection) -> Claim:
    """Hold the rows kept out, key by key, against those the source gives now."""
    recorded = destination.execute(
        "select key, reason from _migration.quarantine where table_name = %s", [table.name]
    )
    there = {tuple(row) for row in recorded}
    wanted = (
        {tuple(row[:2]) for row in source.execute(table.quarantined())} if table.reason else set()
    )
    different = sorted(key for key, _ in there ^ wanted)
    said = f"{len(there)} rows kept out" + (
        f", {len(different)} unaccounted for" if different else ""
    )
    keys = tuple(different[:SAMPLES])
    return Claim("quarantine", table.name, "", good=not different, said=said, keys=keys)


def _values(table: TablePlan, source: Connection, destination: Connection) -> Iterator[Claim]:
    """Count true, false and NULL, and the first and last moment in UTC, on both sides."""
    told = [column for column in table.columns if column.type in {"boolean", AWARE}]
    for first in range(0, len(told), COLUMNS):
        yield from _values_of(table, told[first : first + COLUMNS], source, destination)


def _values_of(
    table: TablePlan, told: list[ColumnPlan], source: Connection, destination: Connection
) -> Iterator[Claim]:
    def facts(on_source: bool) -> list[tuple[object, ...]]:  # noqa: FBT001 - mapped over both sides
        parts = []
        for column in told:
            read = column.sql if on_source else column.target
            if column.type == "boolean":
                parts += [f"count(*) filter (where {read})", f"count(*) filter (where not {read})"]
            else:
                parts += [f"min({read})::text", f"max({read})::text"]
            parts.append(f"count(*) filter (where {read} is null)")
        rows = f"{table.relation()} where {table.kept()}" if on_source else table.target_rows
        session = source if on_source else destination
        row = session.execute(f"select {', '.join(parts)} from {rows}").fetchone() or ()
        return [tuple(row[start : start + 3]) for start in range(0, len(row), 3)]

    ours, theirs = facts(True), facts(False)  # noqa: FBT003
    for column, mine, other in zip(told, ours, theirs, strict=True):
        claim = "booleans" if column.type == "boolean" else "moments"
        words = "true {}, false {}, NULL {}" if claim == "booleans" else "from {} to {}, NULL {}"
        said = words.format(*other) + (
            "" if mine == other else f"; on the source {words.format(*mine)}"
        )
        yield Claim(claim, table.name, column.name, good=mine == other, said=said)


def _sample(session: Connection, query: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in session.execute(first_of(query, SAMPLES)))

"""Write a first mapping from two live databases; whatever a person has to decide says CHECK."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from handrail.transfer.draft import columns, joins, tables
from handrail.transfer.draft.look import Look
from handrail.transfer.draft.rule import Rule, filling
from handrail.transfer.draft.tables import Pair
from handrail.transfer.draft.yaml_text import comment, counted, text, texts
from handrail.transfer.session.connection import Connection, connect, value
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql.catalog import Catalog, Column, Table

HEAD = """\
# A first mapping, drafted from two live databases. Decide each line that says CHECK and take the
# word out, then let the preflight read all rows. `handrail mapping words` tells every word.
"""
# Where applications keep the record of their own migrations.
BOOKKEEPING = {
    "_prisma_migrations", "knex_migrations", "knex_migrations_lock", "SequelizeMeta", "migrations",
    "typeorm_metadata", "schema_migrations", "ar_internal_metadata", "flyway_schema_history",
    "pgmigrations", "drizzle_migrations", "__drizzle_migrations", "django_migrations",
    "alembic_version",
}  # fmt: skip
ACCOUNTS = {"password", "last_login", "is_superuser"}  # of Django's own AbstractUser


def draft(source: str, destination: str) -> str:
    """Return the text of a mapping file, which is read as it is but for what says CHECK.

    Tables and columns are paired by their names, types and keys. Types decide the casts, and the
    rows the formats, the truncations and what is done about NULL; each guess is marked.

    Args:
        source: URL of the legacy database; only read.
        destination: URL of the new database, migrated; only read.
    """
    with connect(destination, name="destination") as session:
        wanted = catalogs.read(session)
        filled = {table.name: _rows(session, table) for table in wanted.tables}
    with connect(source, name="source") as session:
        found = catalogs.read(session)
        return "".join(f"{line}\n" for line in _Draft(session, found, wanted, filled).lines())


def _rows(session: Connection, table: Table, where: str = "true") -> int:
    return int(value(session, f"select count(*) from {table.rows} where {where}"))


@dataclass
class _Draft:
    """One draft; `filled` says how many rows each destination table holds already."""

    session: Connection
    source: Catalog
    destination: Catalog
    filled: dict[str, int]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Pair the tables of both sides."""
        return tables.pair(self.source, self.destination)

    @cached_property
    def goes_to(self) -> dict[str, str]:
        """Name by source table the destination table it goes to."""
        return {each.source: each.target for each in self.pairs}

    def lines(self) -> Iterator[str]:
        yield HEAD.rstrip("\n")
        yield "tables:" if self.pairs else "tables: {}"
        for pair in self.pairs:
            yield from self.table(pair)
        yield from self.left()

    def table(self, pair: Pair) -> Iterator[str]:
        source, target = self.source.by_name[pair.source], self.destination.by_name[pair.target]
        found = columns.pair(source, target, self.goes_to)
        drafted = (self.rule(source, target, column, found) for column in target.columns)
        rules = [rule for rule in drafted if rule is not None]
        yield from self.doubt(pair, source, target)
        filled = [*self.copied(rules), *self.written(rules)]
        body = [*self.heads(pair, rules), *filled, *self.drops(source, target, found)]
        yield f"  {text(target.name)}:" if body else f"  {text(target.name)}: {{}}"
        yield from body

    def doubt(self, pair: Pair, source: Table, target: Table) -> Iterator[str]:
        if pair.doubt is not None:
            yield f"  # CHECK: {comment(pair.doubt)}"
            yield from (f"  #   {comment(line)}" for line in tables.side_by_side(source, target))

    def heads(self, pair: Pair, rules: list[Rule]) -> Iterator[str]:
        if pair.source != pair.target:
            yield f"    from: {text(pair.source)}"
        if any("quarantine" in rule.parts.values() for rule in rules):
            yield '    max_quarantined: "10%"  # CHECK: how many rows may be kept out'
        yield from self.replacing(pair)

    def replacing(self, pair: Pair) -> Iterator[str]:
        if rows := self.filled[pair.target]:
            why = f"CHECK: why the {counted(rows, 'row')} there now give way"
            yield f"    replace: {text(why)}"

    def copied(self, rules: list[Rule]) -> Iterator[str]:
        if copied := [rule.column for rule in rules if rule.plain]:
            yield f"    copy: {texts(copied)}"

    def written(self, rules: list[Rule]) -> Iterator[str]:
        if written := [rule.line() for rule in rules if not rule.plain]:
            yield "    columns:"
            yield from written

    def rule(
        self, source: Table, target: Table, column: Column, found: columns.Pairs
    ) -> Rule | None:
        """Draft the rule of one destination column; None where it is simply left empty."""
        origin = found.origins.get(column.name)
        if origin is None:
            return filling(column)
        look = Look(
            self.session,
            source.rows,
            source.by_name[origin],
            column,
            foreign=any(key.columns == (column.name,) for key in target.foreign_keys),
            unique=(column.name,) in target.uniques,
            guarded=(origin,) in source.uniques,
            key=source.key,
            django=set(target.by_name) >= ACCOUNTS,
            joined=joins.joined(
                self.source, self.destination, self.goes_to, (source, target), (origin, column.name)
            ),
        )
        return look.rule(found.doubts.get(column.name))

    def drops(self, source: Table, target: Table, found: columns.Pairs) -> Iterator[str]:
        lost = found.left_of(source)
        if lost:
            yield "    drop:"
        for name in lost:
            why = self.why_lost(source, name, target.by_name.get(name))
            yield f"      {text(name)}: {text(why)}"

    def why_lost(self, source: Table, name: str, there: Column | None) -> str:
        """Say why a source column goes nowhere."""
        if there is not None and there.generated:
            return "the destination computes it"
        rows = _rows(self.session, source, f"{quoted(name)} is not null")
        return f"CHECK: there is no such column there; {counted(rows, 'row')} with something in it"

    def left(self) -> Iterator[str]:
        """Name the source tables that go nowhere, and the destination's that nothing goes to."""
        lost = sorted(set(self.source.by_name) - {*self.goes_to})
        if lost:
            yield "drop_tables:"
        for name in lost:
            yield f"  {text(name)}: {text(self.why_dropped(name))}"
        yield from self.unfilled()

    def unfilled(self) -> Iterator[str]:
        """Name the destination's tables that stay as they are."""
        other = sorted(set(self.destination.by_name) - {*self.goes_to.values()})
        if other:
            yield f"# Not filled, as nothing looks like it: {comment(', '.join(other))}"

    def why_dropped(self, name: str) -> str:
        """Say why a source table goes nowhere."""
        if name in BOOKKEEPING:
            return "the old application's own record of its migrations"
        rows = _rows(self.session, self.source.by_name[name])
        return f"CHECK: there is no such table there; it holds {counted(rows, 'row')}"

"""Ask the destination itself whether it takes the rows, in temporary tables that are rolled back.

Only the columns go there that something binds which nobody else can tell about: a check, an index
over an expression, a domain, a scale. All rows are tried at once; only where that fails are they
tried in blocks, and only in a block that fails one by one.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg

from handrail.clients.errors import ClientError
from handrail.transfer.read.bonds import Bond, unproven
from handrail.transfer.read.misfits import SAMPLES, SHOWN, Misfit
from handrail.transfer.read.refusal import GROUPS, Refusal, one_by_one
from handrail.transfer.read.stage import KEY, NUMBER, REFUSED, STAGED, TRIAL, Stage
from handrail.transfer.session.asking import Rows
from handrail.transfer.session.connection import Connection, first_line, with_own_path
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan

MOST_SHOWN = 10  # columns of a row
BUILDS_BY_A_PATH_OF_ITS_OWN = 170000  # server version
PARTITIONS = """
select pg_get_partition_constraintdef(p.relid), array(
    select pg_get_expr(k.conbin, k.conrelid) from pg_constraint k
    where k.conrelid = p.relid and k.contype = 'c' and k.conislocal
    union all select format('(%I is not null)', a.attname) from pg_attribute a
    join pg_attribute o on o.attname = a.attname and o.attrelid = {table}::regclass
    where a.attrelid = p.relid and a.attnum > 0 and a.attnotnull and not o.attnotnull)
from pg_partition_tree({table}::regclass) p where p.isleaf and p.relid <> {table}::regclass
"""


@dataclass(frozen=True)
class Trial(Stage):
    """The trial of one table's rows, with all that comes of it."""

    def findings(self) -> Iterator[Misfit]:
        """Try all rows, and yield what the destination refuses or alters."""
        self.set_up()
        try:
            with self.destination.transaction():
                self.destination.execute(self.insert())
        except psycopg.Error:
            self._one_by_one()
            yield from self._refused()
        yield from self._altered()
        yield from self._homeless()
        yield from self._unbuildable()
        yield from self._untried()

    def _one_by_one(self) -> None:
        self.destination.execute(f"create unique index on {STAGED} ({NUMBER})")
        self.destination.execute(one_by_one(self.typed, self.insert()))

    def _refused(self) -> Iterator[Misfit]:
        """Yield the rows that were refused, by why."""
        mapped = self.names
        found = self.destination.execute(GROUPS.format(refused=REFUSED)).fetchall()
        for refusal in itertools.starmap(Refusal, found):
            inside = refusal.is_inside(mapped)
            if inside and not self.target.by_name[refusal.at].nullable:
                continue  # counted on the source, with what the mapping says of it
            bond = self._bond(refusal.bond)
            columns = self._blamed(refusal, bond)
            what = refusal.what(bond, inside=inside, secret=self._is_secret(columns))
            yield self._finding(columns, what, refusal.rows, refusal.numbers)

    def _bond(self, name: str) -> Bond | None:
        return next((bond for bond in self.bonds if bond.name == name), None)

    def _blamed(self, refusal: Refusal, bond: Bond | None) -> tuple[str, ...]:
        """Return the columns that a refusal is about."""
        if refusal.at:
            return (refusal.at,)
        return bond.columns if bond else self._of_type(refusal.kind)

    def _of_type(self, kind: str) -> tuple[str, ...]:
        """Return the columns of a type that the server names without its schema."""
        declared = self.typed
        ends = (f".{kind}", f'."{kind}"')
        named = tuple(name for name in declared if kind and declared[name].endswith(ends))
        return named or tuple(self.names)

    def _altered(self) -> Iterator[Misfit]:
        """Yield the columns whose values arrive changed: rounded, padded, set by a trigger."""
        triggers = ", ".join(bond.name for bond in self.of_kind("b"))
        for column in self.columns:
            declared = self.typed.get(column.name)
            if not triggers and declared is None:
                continue
            what = _alteration(declared, triggers)
            differ = f"join {TRIAL} t using ({NUMBER}) where {_differs(column)}"
            yield from self._told((column.name,), what, self._count(differ))
        if triggers:
            yield from self._not_taken()

    def _not_taken(self) -> Iterator[Misfit]:
        """Yield the rows that a trigger turns away without a word."""
        found = self._count(
            f"where not exists (select 1 from {TRIAL} t where t.{NUMBER} = s.{NUMBER}) "
            f"and not exists (select 1 from {REFUSED} r where r.number = s.{NUMBER})"
        )
        first = (self.columns[0].name,)
        yield from self._told(first, "its row is not taken by a trigger", found)

    def _homeless(self) -> Iterator[Misfit]:
        """Yield rows that no partition takes, and those that theirs does not."""
        if not (partitioned := self.of_kind("p")):
            return
        query = PARTITIONS.replace("{table}", literal(self.table.target))
        found = self.destination.execute(query).fetchall()
        homes = [f"coalesce({home or 'true'}, true)" for home, _ in found]
        homeless = self._among(f"not ({' or '.join(homes) or 'false'})")
        key = self._named_in(partitioned[0].definition)
        yield from self._told(key, "has no partition to go to", homeless)
        for home, (_, checks) in zip(homes, found, strict=True):
            yield from self._against(home, checks)

    def _against(self, home: str, checks: Sequence[str]) -> Iterator[Misfit]:
        """Yield rows that break a check of the partition which is their home."""
        for check in checks:
            what = f"violates a check of its partition: {check}"
            broken = self._among(f"{home} and not ({check})")
            yield from self._told(self._named_in(check), what, broken)

    def _named_in(self, expression: str) -> tuple[str, ...]:
        words = set(re.findall(r"\w+", expression))
        named = tuple(c.name for c in self.columns if set(re.findall(r"\w+", c.name)) <= words)
        return named or (self.columns[0].name,)

    def _unbuildable(self) -> Iterator[Misfit]:
        """Build the indexes anew, as a bulk load does: with another path than rows come in by.

        Source: https://www.postgresql.org/docs/17/release-17.html#RELEASE-17-MIGRATION
        """
        indexes = self.of_kind("uix")
        if not indexes or self.destination.info.server_version < BUILDS_BY_A_PATH_OF_ITS_OWN:
            return
        try:
            with self.destination.transaction():
                self.destination.execute(f"reindex table {TRIAL}")
        except psycopg.Error as error:
            of = itertools.chain.from_iterable(bond.columns for bond in indexes)
            what = f"an index over it cannot be built over the rows: {first_line(error)}"
            yield self._finding(tuple(dict.fromkeys(of)), what, 0, [])

    def _untried(self) -> Iterator[Misfit]:
        """Name the checks that ask rows of other tables: these may be there when it is loaded."""
        for bond in filter(Bond.asks, self.bonds):
            what = (
                f"`{bond.name}` asks other rows and was not tried: {bond.definition}; where it "
                f"refuses a row, the load stops there, and goes on after `alter table "
                f"{self.table.target} drop constraint {quoted(bond.name)}`; add it again afterwards"
            )
            yield Misfit(self.table.name, "", what, "noted", 0, (), str(self.table.place))

    def _among(self, condition: str) -> tuple[int, list[int]]:
        """Count the rows that were taken and for which a condition over the table holds."""
        return self._count(f"where s.{NUMBER} in (select {NUMBER} from {TRIAL} where {condition})")

    def _count(self, rest: str) -> tuple[int, list[int]]:
        query = (
            f"with found as materialized (select s.{NUMBER} as n from {STAGED} s {rest}) "
            f"select count(*), (array_agg(n order by n))[1:{SAMPLES}] from found"
        )
        row = self.destination.execute(query).fetchone() or (0, None)
        return row[0], list(row[1] or ())

    def _named(self, names: Sequence[str]) -> list[ColumnPlan]:
        return [column for column in self.columns if column.name in names]

    def _is_secret(self, columns: Sequence[str]) -> bool:
        return any(c.secret for c in self.table.columns if c.name in columns)

    def _told(
        self, columns: Sequence[str], what: str, found: tuple[int, Sequence[int]]
    ) -> Iterator[Misfit]:
        """Yield what is wrong with rows, where there are such: their count, and the first."""
        rows, numbers = found
        if rows:
            yield self._finding(columns, what, rows, numbers)

    def _sampled(self, given: Sequence[ColumnPlan], numbers: Sequence[int]) -> Rows:
        """Return key and values of some rows."""
        shown = ", ".join(f"left({quoted(column.name)}::text, {SHOWN})" for column in given)
        return self.destination.execute(
            f"select {KEY}, concat_ws(', ', {shown or 'null'}) from {STAGED} "
            # without arguments: a name in it may hold a percent sign
            f"where {NUMBER} = any('{{{', '.join(map(str, numbers))}}}') order by {NUMBER}"
        ).fetchall()

    def _finding(
        self, columns: Sequence[str], what: str, rows: int, numbers: Sequence[int]
    ) -> Misfit:
        given = self._named(columns)[:MOST_SHOWN]
        sampled = self._sampled(given, numbers)
        keys = tuple(row[0] for row in sampled)
        values = () if self._is_secret(columns) else tuple(row[1] for row in sampled)
        place = next((c.rule.place for c in given), self.table.place)
        label = ", ".join(columns[:MOST_SHOWN])
        return Misfit(self.table.name, label, what, "refused", rows, keys, str(place), values)


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Try the rows of every table of which something is not proven; nothing stays there.

    Args:
        plan: The compiled mapping.
        source: Session inside one snapshot of the source.
        destination: Session on the destination, outside any transaction.

    Raises:
        ClientError: temporary tables cannot be made there, so that nothing can be told.
    """
    held = unproven(plan, destination, TRIAL)
    for table in plan.tables:
        if not (bonds := held[table.name]):
            continue
        target = plan.destination.by_name[table.name]
        destination.execute("begin read write")
        try:
            destination.execute(with_own_path(destination))
            yield from Trial(table, target, tuple(bonds), source, destination).findings()
        except psycopg.Error as error:
            raise ClientError(
                f"the rows of `{table.name}` could not be tried on the destination",
                first_line(error),
                "let its user make temporary tables there (GRANT TEMPORARY ON DATABASE), and use "
                "the functions and types of the table; then the same command again",
            ) from error
        finally:
            destination.execute("rollback")


def _alteration(declared: str | None, triggers: str) -> str:
    """Say by what a value arrives changed: by its type, else by a trigger."""
    if declared is not None:
        return f"does not fit {declared} unchanged"
    return f"is altered by trigger {triggers}"


def _differs(column: ColumnPlan) -> str:
    """Return a condition: a value of `s` is another one in `t`."""
    there, here = f"t.{quoted(column.name)}::{column.type}", f"s.{quoted(column.name)}"
    if column.as_text:
        there, here = f"({there})::text", f"({here})::text"
    return f"{there} is distinct from {here}"

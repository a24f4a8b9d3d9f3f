"""A compiled mapping: for each table one SELECT, and the texts of every query made from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from handrail.transfer.mapping.rules import Limit, Place
from handrail.transfer.session.quoting import literal, qualified, quoted
from handrail.transfer.sql.catalog import Catalog
from handrail.transfer.sql.cut import Cut
from handrail.transfer.sql.guard import Guard, needs_of, not_excluded
from handrail.transfer.sql.hashes import PLACES, SUMS, hash_sum, hashes_text
from handrail.transfer.sql.parsed import Join, Parsed
from handrail.transfer.sql.parts import ColumnPlan, DropPlan, FaultPlan
from handrail.transfer.sql.relation import Relation


@dataclass(frozen=True)
class TablePlan:
    """One destination table.

    `key` and `key_source` name one column copied unchanged from the source's primary key, if there
    has just that one: it tells rows apart. `cut` is what a table is cut in chunks by, if it can be.
    `joins` bring in referenced rows; `excluded` is true for rows another rule keeps out. `origin`
    names the source table in SQL, `source_rows` is the FROM item of its own rows, `target_rows`
    that of the destination's.
    """

    name: str
    source: str
    schema: str
    origin: str
    source_rows: str
    target_rows: str
    place: Place
    also: bool
    key: str | None
    key_source: str | None
    key_type: str | None
    cut: Cut | None
    key_text: str
    source_types: dict[str, str]
    secrets: tuple[str, ...]
    columns: tuple[ColumnPlan, ...]
    parsed: tuple[Parsed, ...]
    joins: tuple[Join, ...]
    faults: tuple[FaultPlan, ...]
    excluded: str | None
    guard: Guard | None
    uniques: tuple[tuple[str, ...], ...]
    parents: tuple[str, ...]
    limit: Limit
    replace: str | None
    notes: tuple[str, ...]

    @property
    def target(self) -> str:
        """Name the destination table."""
        return qualified(self.schema, self.name)

    @property
    def names(self) -> str:
        """List the destination columns."""
        return ", ".join(map(quoted, self.by_name))

    @property
    def form(self) -> str:
        """Return how COPY writes its rows: a value of a type of its own is read as text there."""
        return "binary" if all(column.binary for column in self.columns) else "text"

    @cached_property
    def reason(self) -> str | None:
        """Return an expression: why this row is kept out, or NULL."""
        out = " ".join(f"when {f.condition} then {literal(f.reason)}" for f in self._keeping_out)
        return f"case {out} end" if out else None

    @cached_property
    def needs_of_kept(self) -> frozenset[str]:
        """Name the joins and values that tell which rows are moved."""
        return needs_of(self._keeping_out, self.excluded)

    @cached_property
    def _keeping_out(self) -> tuple[FaultPlan, ...]:
        return tuple(fault for fault in self.faults if fault.keeps_out)

    @cached_property
    def recorded(self) -> tuple[FaultPlan, ...]:
        """Return the faults for which moved values are changed, and the change written down."""
        return tuple(fault for fault in self.faults if fault.is_recorded)

    @cached_property
    def by_name(self) -> dict[str, ColumnPlan]:
        """Plans of columns by the column's name."""
        return {column.name: column for column in self.columns}

    def relation(self, where: str = "true", *, needs: frozenset[str] | None = None) -> str:
        """Return the FROM item: source rows under `where`, with what is parsed and joined.

        Where it is known what is needed of it, nothing else is parsed or joined.
        """
        return Relation(self.source_rows, self.parsed, self.joins, self.guard).sql(where, needs)

    def column(self, name: str) -> ColumnPlan | None:
        """Return the plan of a destination column, if it is mapped."""
        return self.by_name.get(name)

    def kept(self) -> str:
        """Return the condition of the rows that are moved."""
        parts = not_excluded(self.excluded)
        parts += [f"({self.reason}) is null"] if self.reason else []
        return " and ".join(parts) or "true"

    def rows(self, where: str = "true") -> str:
        """Return the SELECT that gives the destination's columns, exactly typed."""
        columns = ", ".join(f"{column.sql} as {quoted(column.name)}" for column in self.columns)
        return f"select {columns} from {self.relation(where)} where {self.kept()}"

    def keys(self, column: str) -> str:
        """Return a SELECT of one mapped column of the rows that are moved, as `k`."""
        return self._of_moved(k=column)

    def pairs(self, key: str, column: str) -> str:
        """Return a SELECT of two mapped columns of the rows that are moved, as `k` and `v`."""
        return self._of_moved(k=key, v=column)

    def moved(self, columns: Sequence[str]) -> str:
        """Return a SELECT of mapped columns of the rows that are moved, as `c0`…, with `key`."""
        return self._of_moved(**{f"c{n}": column for n, column in enumerate(columns)}, key=None)

    def _of_moved(self, **named: str | None) -> str:
        listing = ", ".join(
            f"{self.by_name[column].sql if column else self.key_text} as {name}"
            for name, column in named.items()
        )
        read = (self.by_name[column].needs for column in filter(None, named.values()))
        needs = self.needs_of_kept.union(*read)
        return f"select {listing} from {self.relation(needs=needs)} where {self.kept()}"

    def row(self, *, source: bool) -> str:
        """Return an expression: all mapped columns of one row on either side."""
        return f"row({', '.join(column.read(source=source) for column in self.columns)})"

    def source_sums(self, where: str, *, text: bool) -> str:
        """Return a SELECT: moved rows, their hash sum, rows kept out, rows adjusted."""
        kept = self.kept()
        # `offset 0`: what is kept out is not read at all
        rows = (
            f"select {kept} as moved, case when {kept} then {self.row(source=True)} end as r, "
            f"({self.reason or 'null'}) is not null as kept_out, {self._is_adjusted()} as adjusted "
            f"from {self.relation(where)} offset 0"
        )
        return (
            f"select count(*) filter (where moved), {hash_sum('r', text=text, only='moved')}, "
            f"count(*) filter (where kept_out), count(*) filter (where moved and adjusted) "
            f"from ({rows}) x"
        )

    def rows_and_sums(self, where: str, *, text: bool) -> str:
        """Return what `rows` does, and note what the rows came to; see `noted`."""
        nothing = ", ".join(f"null::{column.type}" for column in self.columns)
        return self.noted(where, f"select {self.names} from mapped", nothing, text=text)

    def noted(self, where: str, given: str, nothing: str, *, text: bool) -> str:
        """Return a SELECT after which settings of the session say what its rows came to.

        `SUMS` then holds their number, their hash sum, how many were kept out and how many
        adjusted, as `source_sums` gives them; `PLACES` says where the adjusted ones are.

        Args:
            where: Condition of the source rows.
            given: SELECT from `mapped`, the rows that are moved.
            nothing: As many typed NULLs as that gives columns.
            text: Hash the row's text.
        """
        columns = ", ".join(f"{column.sql} as {quoted(column.name)}" for column in self.columns)
        mapped = (
            f'select {columns}, case when {self._is_adjusted()} then "row:place" end '
            f'as "row:adjusted" from {self.relation(where)} where {self.kept()}'
        )
        came_to = (
            f"concat_ws(' ', count(*), {hash_sum(self.row(source=False), text=text)}, "
            f'{self._kept_out(where)}, count("row:adjusted"))'
        )
        places = 'array_agg("row:adjusted") filter (where "row:adjusted" is not null)::text'
        # What takes long to read is kept until it is hashed; the rest is sooner read twice.
        how = "materialized" if self.parsed or self.joins else "not materialized"
        # The second part gives no row: it reads the same ones again, and leaves a note of them.
        note = (
            f"select set_config('{SUMS}', {came_to}, false) || "
            f"set_config('{PLACES}', coalesce({places}, '{{}}'), false) as note from mapped"
        )
        return (
            f"with mapped as {how} ({mapped}) {given} "
            f"union all select {nothing} from ({note}) n where n.note is null"
        )

    def _kept_out(self, where: str) -> str:
        """Return an expression beside `count(*)` of the rows moved: how many were kept out."""
        if self.reason is None:
            return "0"
        if self.excluded is None:
            return f"(select count(*) from {self.relation(where, needs=frozenset())}) - count(*)"
        return f"(select count(*) from ({self.quarantined(where)}) q)"

    def _is_adjusted(self) -> str:
        """Return a condition: the row is one that `adjusted` lists."""
        return " or ".join(f"({fault.condition})" for fault in self.recorded) or "false"

    def target_sums(self, where: str, *, text: bool) -> str:
        """Return a SELECT: rows of the destination and their hash sum."""
        sums = f"count(*), {hash_sum(self.row(source=False), text=text)}"
        return f"select {sums} from {self.target_rows} where {where}"

    def raw(self) -> str:
        """Return an expression: the source row as JSON, without secrets."""
        shown = [name for name in self.source_types if name not in self.secrets]
        listing = ", ".join(f"s.{quoted(name)}" for name in shown)
        return f"(select to_jsonb(r) from (select {listing}) r)"

    def quarantined(self, where: str = "true") -> str:
        """Return a SELECT: key, reason and source row of the rows kept out."""
        reason = self.reason or "null::text"
        return (
            f"select {self.key_text} as key, {reason} as reason, {self.raw()} as row_data "
            f"from {self.relation(where)} where ({reason}) is not null"
        )

    def adjusted(self, where: str = "true") -> str:
        """Return a SELECT: key, column, action, fault, old and new value of each change."""
        rows = ", ".join(
            f"({', '.join(map(literal, (f.column, f.action, f.fault)))}, {f.old}, {f.new}, "
            f"{f.condition})"
            for f in self.recorded
        )
        rows = rows or "(null::text, null::text, null::text, null::text, null::text, false)"
        return (
            f"select {self.key_text} as key, a.name, a.action, a.fault, a.old, a.new "
            f"from {self.relation(where)} "
            f"cross join lateral (values {rows}) a(name, action, fault, old, new, hit) "
            # few rows are changed: only these are held against each fault
            f"where {self.kept()} and ({self._is_adjusted()}) and a.hit"
        )

    def span(self, lower: str | None, upper: str | None, *, source: bool) -> str:
        """Return the condition of the rows whose key is in `[lower, upper)`, open where None."""
        if self.cut is None:
            return "true"
        column = f"s.{quoted(self.cut.source)}" if source else quoted(self.cut.name)
        return self.cut.span(column, lower, upper)


@dataclass(frozen=True)
class Plan:
    """A mapping compiled against two live catalogs.

    `tables` are in an order in which every referenced table comes first; `cyclic` names those for
    which there is none. `digest` is the sha256 of the mapping and of both shapes; `moment` is when
    its load began, or would begin now.
    """

    file: str
    digest: str
    moment: str
    tables: tuple[TablePlan, ...]
    cyclic: tuple[str, ...]
    notes: tuple[str, ...]
    drops: tuple[DropPlan, ...]
    source: Catalog
    destination: Catalog

    @cached_property
    def by_name(self) -> dict[str, TablePlan]:
        """Plans of tables by the destination's name."""
        return {table.name: table for table in self.tables}

    @property
    def text_hashes(self) -> bool:
        """Say whether rows are hashed as text: hashes of values may change with major versions."""
        return hashes_text(self.source.server_version, self.destination.server_version)

    def table(self, name: str) -> TablePlan:
        """Return the plan of one destination table."""
        return self.by_name[name]

    def sql(self) -> str:
        """Return every generated SELECT, as `--dry` prints them."""
        return "\n\n".join(
            f"-- {table.source} -> {table.name}\n{table.rows()};" for table in self.tables
        )

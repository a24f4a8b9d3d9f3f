"""Find the rows on which an expression of the mapping fails, as a cast in a `sql:` rule may.

Nothing has to be written for it: a block of PL/pgSQL traps the error of a range of pages, and then
of each row of such a range, whatever the session may do.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from handrail.transfer.read.counts import TableCount
from handrail.transfer.read.misfits import SAMPLES, SHOWN, Misfit
from handrail.transfer.session.connection import Connection, first_line, value
from handrail.transfer.session.quoting import block, literal, quoted
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan

RAISED = "handrail.raised"
MOST = 100  # each row that fails is looked at alone
SEARCH = """
declare
    page bigint := 0; pages bigint; low tid; high tid; said text; one record;
    found jsonb := '[]';
begin
    select coalesce(max(pg_relation_size(relid)), 0) / current_setting('block_size')::int
        into pages from (select relid from pg_partition_tree({table}::regclass)
                         union select {table}::regclass) r;
    while page <= pages and jsonb_array_length(found) < {most} loop
        low := format('(%s,0)', page)::tid;
        high := format('(%s,0)', page + 32)::tid;
        begin
            {within};
        exception when others then
            for one in select s.tableoid as part, s.ctid as place, {key} as key, {shown} as shown
                from (select *, tableoid, ctid, ctid as "row:place" from {rows}) s
                where s.ctid >= low and s.ctid < high
            loop
                exit when jsonb_array_length(found) >= {most};
                begin
                    {alone};
                exception when others then
                    get stacked diagnostics said = message_text;
                    found := found || jsonb_build_array(
                        jsonb_build_array(one.key, one.shown, said));
                end;
            end loop;
        end;
        page := page + 32;
    end loop;
    perform set_config('{setting}', found::text, true);
end
"""


def look(
    session: Connection, table: TablePlan, error: psycopg.Error
) -> tuple[TableCount, list[Misfit]]:
    """Say which rows of a table make which expression fail.

    Args:
        session: Session inside one snapshot of the source.
        table: Plan of the table whose rows could not be counted.
        error: What PostgreSQL said then.
    """
    rows = value(session, f"select count(*) from {table.source_rows}")
    found = list(_found(session, table))
    if not found:
        what = f"its rows cannot be read: {first_line(error)}"
        found = [Misfit(table.name, "", what, "refused", 0, (), str(table.place))]
    allowed = table.limit.of(rows)
    return TableCount(table.name, table.source, rows, 0, 0, allowed, failed=True), found


def _found(session: Connection, table: TablePlan) -> Iterator[Misfit]:
    """Yield what fails: conditions, else what is written in SQL, else any other value.

    While one of the first fails, which rows are moved cannot be told, so neither can what is wrong
    with the values of these.
    """
    for some in (_conditions(table), _written(table), _values(table)):
        looks = (_search(session, table, look) for look in some)
        found = list(itertools.chain.from_iterable(looks))
        yield from found
        if found:
            return


@dataclass(frozen=True)
class _Look:
    """One expression that may fail; `needs` names what it reads, `name` its column if it has."""

    expression: str
    needs: frozenset[str]
    name: str
    place: str


def _conditions(table: TablePlan) -> Iterator[_Look]:
    for fault in table.faults:
        if fault.keeps_out and fault.column == "":
            yield _Look(fault.condition, fault.needs, "", str(fault.place))


def _written(table: TablePlan) -> Iterator[_Look]:
    for item in table.parsed:
        if item.by_hand:
            name = item.name.partition(":")[2]
            place = str(table.by_name[name].rule.place)
            yield _Look(f"s.{quoted(item.name)}", frozenset({item.name}), name, place)


def _values(table: TablePlan) -> Iterator[_Look]:
    kept = table.kept()
    for column in table.columns:
        needs = column.needs | table.needs_of_kept
        expression = f"case when {kept} then {column.sql} end"
        yield _Look(expression, needs, column.name, str(column.rule.place))


def _search(session: Connection, table: TablePlan, look: _Look) -> Iterator[Misfit]:
    """Yield a finding if an expression fails on some rows."""

    def evaluated(where: str) -> str:
        return f"count({look.expression}) from {table.relation(where, needs=look.needs)}"

    try:
        with session.transaction():
            session.execute(f"select {evaluated('true')}")
    except psycopg.Error:
        column = table.column(look.name)
        search = SEARCH.format(
            table=literal(table.origin), rows=table.source_rows, key=table.key_text,
            shown=_shown(column),
            most=MOST,
            within=f"perform {evaluated('s.ctid >= low and s.ctid < high')}",
            alone=f"perform {evaluated('s.tableoid = one.part and s.ctid = one.place')}",
            setting=RAISED,
        )  # fmt: skip
        session.execute(block(search))
        raised = json.loads(value(session, f"select current_setting('{RAISED}')"))
        if raised:
            secret = column is not None and column.secret
            yield _finding(table, look, raised, secret=secret)


def _shown(column: ColumnPlan | None) -> str:
    """Return an expression: what is shown of the source's value, where there is just one."""
    if column is None or column.source is None:
        return "null::text"
    return f"left({column.raw}::text, {SHOWN})"


def _finding(table: TablePlan, look: _Look, raised: list[list[str]], *, secret: bool) -> Misfit:
    said = "its values are secret" if secret else raised[0][2]
    more = f" in {MOST} rows or more" if len(raised) == MOST else ""
    keys, values, _ = zip(*raised[:SAMPLES], strict=True)
    return Misfit(
        table.name,
        look.name,
        f"cannot be computed{more}: {said}",
        "refused",
        len(raised),
        keys,
        look.place,
        () if secret or None in values else values,
    )

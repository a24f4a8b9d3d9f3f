"""Let the source plan what a mapping says in SQL, before any row is read by it."""

import dataclasses
import itertools
import re
from collections.abc import Iterator

import psycopg
from psycopg.errors import InsufficientPrivilege, UndefinedFunction, UndefinedTable

from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.mapping.rules import Place, Problem
from handrail.transfer.session.asking import Line, Question, answered, rows, side_by_side, together
from handrail.transfer.session.connection import Connection, first_line, prepare
from handrail.transfer.session.refused import advice
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan

TEXT = re.compile(r"'(?:[^']|'')*'")
CALL = re.compile(r"""(?:("[^"]+"|\w+)\.)?("[^"]+"|\w+)\(""")
# What PostgreSQL calls stable is the same within one statement only; a chunk is one statement.
MOMENTS = {("pg_catalog", name) for name in (
    "now", "transaction_timestamp", "statement_timestamp", "pg_current_xact_id", "txid_current",
    "pg_current_xact_id_if_assigned", "txid_current_if_assigned", "pg_current_snapshot",
    "txid_current_snapshot", "pg_backend_pid", "inet_client_port", "pg_my_temp_schema",
)}  # fmt: skip
VALUES = re.compile(r"\b(CURRENT_(?:DATE|TIME|TIMESTAMP)|LOCALTIME(?:STAMP)?)\b")
SPOKEN = re.compile(
    r"(?:date|time|timestamp|timestamptz)\s*'\s*(now|today|tomorrow|yesterday)\s*'"
    r"|'\s*(now|today|tomorrow|yesterday)\s*'\s*::\s*(?:date|time)",
    re.IGNORECASE,
)
CHANGING = """
select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where (n.nspname, p.proname) in (select * from unnest(%s::text[], %s::text[]))
and (p.provolatile = 'v' or n.nspname <> 'pg_catalog' and p.prosrc ~* %s)
order by 1
"""
INSIDE = r"\m(now|current_date|current_timestamp|localtimestamp|clock_timestamp|random|nextval)\M"
STEADY = 'write what the source holds, or `constant: "{time_of_run}"` for the moment of the load'


def explain(plan: Plan, session: Connection) -> None:
    """Find what the source does not take of a mapping, and what would not give the same twice.

    Raises:
        MappingRefused: with the line of each rule.
    """
    prepare(session)
    try:
        lines = [_unsteady(table, session) for table in plan.tables]
        found = together([_taken(plan, session), *lines])
    except psycopg.Error:  # of one table; the others are looked at as well
        found = [_alone(plan, table, session) for table in plan.tables]
    if problems := list(itertools.chain.from_iterable(found)):
        raise MappingRefused(plan.file, problems)


def _taken(plan: Plan, session: Connection) -> Line[list[Problem]]:
    """Let the source plan every table's rows."""
    yield [Question(session, f"explain {table.rows()}") for table in plan.tables]
    return []


def _alone(plan: Plan, table: TablePlan, session: Connection) -> list[Problem]:
    """Look at one table by itself."""
    return list(_refused(plan, table, session)) or answered(_unsteady(table, session))


def _refused(plan: Plan, table: TablePlan, session: Connection) -> Iterator[Problem]:
    """Yield what PostgreSQL does not take, by column where one column is to blame."""
    whole = _refusal(session, table.rows())
    if whole is None:
        return
    found = False
    for column in table.columns:
        if (error := _refusal(session, _only(table, column).rows())) is not None:
            found = True
            what = f"`{table.name}.{column.name}`: PostgreSQL says {first_line(error)}"
            yield Problem(column.rule.place, what, _fix(plan, error, "mend its `sql:` or values"))
    if not found:
        what = f"`{table.name}`: PostgreSQL says {first_line(whole)}"
        yield Problem(table.place, what, _fix(plan, whole, "mend its rules"))


def _only(table: TablePlan, column: ColumnPlan) -> TablePlan:
    """Return the plan of a table with just one of its columns, and nothing that reads others."""
    parsed = tuple(each for each in table.parsed if each.name.endswith(f":{column.name}"))
    return dataclasses.replace(table, columns=(column,), parsed=parsed, faults=(), guard=None)


def _fix(plan: Plan, error: psycopg.Error, usual: str) -> str:
    if isinstance(error, UndefinedTable):
        return f"write a table with its schema: `{_with_schema(plan, first_line(error))}`"
    if isinstance(error, InsufficientPrivilege):
        return advice(error)
    if isinstance(error, UndefinedFunction):
        return "write a function of your own with its schema: `schema.function(…)`"
    return usual


def _with_schema(plan: Plan, said: str) -> str:
    """Return the table that PostgreSQL did not find, as it has to be written."""
    named = re.search(r'relation "([^"]+)"', said)
    known = plan.source.by_name.get(named.group(1)) if named else None
    return f"{known.schema}.{known.relation}" if known else "schema.table"


def _refusal(session: Connection, query: str) -> psycopg.Error | None:
    try:
        session.execute(f"explain {query}")
    except psycopg.Error as error:
        return error
    return None


def _unsteady(table: TablePlan, session: Connection) -> Line[list[Problem]]:
    """Find the rules whose value depends on when, or in which company, a row is read."""
    written = list(_written(table))
    explain = f"explain (verbose, format json) select {{}} from {table.source_rows} s"
    said = yield [Question(session, explain.format(each[3])) for each in written]
    texts = [list(_texts(found[0][0])) for found in said]
    changing = yield from side_by_side([_changing(session, each) for each in texts])
    return [
        Problem(place, f"`{label}`: {what}", fix)
        for (label, place, text, _), planned, calls in zip(written, texts, changing, strict=True)
        for what, fix in _wrong(planned, sorted({*calls, *_spoken(text)}))
    ]


def _wrong(planned: list[str], again: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an expression by how PostgreSQL would compute it, and the fix."""
    if again:
        yield f"`{', '.join(again)}` gives another value each time it is asked", STEADY
    if "ProjectSet" in planned:
        what = "it gives a set of values, and would make several rows of one"
        yield what, "take one of them, by a subselect"
    if "WindowAgg" in planned:
        fix = "leave the number to the destination (`generated: true`), or use a subselect"
        yield "it counts among the rows of one chunk, not of the table", fix


def _written(table: TablePlan) -> Iterator[tuple[str, Place, str, str]]:
    """Yield what a person wrote in SQL: for what, line, text and expression over the source row."""
    parsed = {item.name: item.sql for item in table.parsed}
    for column in table.columns:
        if column.rule.sql is not None:
            label = f"{table.name}.{column.name}"
            yield label, column.rule.place, column.rule.sql, parsed[f"sql:{column.name}"]
    for fault in table.faults:
        if fault.column == "":
            yield table.name, fault.place, fault.condition, fault.condition


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict | list):
        for each in said.values() if isinstance(said, dict) else said:
            yield from _texts(each)


def _changing(session: Connection, texts: list[str]) -> Line[list[str]]:
    """Find the functions of a plan that are volatile, or tell the time."""
    bare = " ".join(TEXT.sub("''", text) for text in texts)
    calls = {_function(*each) for each in CALL.findall(bare)}
    told = [name for _, name in calls & MOMENTS]
    told += map(str.lower, VALUES.findall(bare))
    if calls:
        schemas, names = zip(*sorted(calls), strict=True)
        found = yield from rows(session, CHANGING, list(schemas), list(names), INSIDE)
        told += [name for (name,) in found]
    return told


def _function(schema: str, name: str) -> tuple[str, str]:
    """Return schema and name of a function as a plan calls it."""
    return (schema or "pg_catalog").strip('"'), name.strip('"')


def _spoken(written: str) -> Iterator[str]:
    """Yield the words that PostgreSQL reads as a moment, as in `'today'::date`."""
    for found in SPOKEN.findall(written):
        yield next(filter(None, found)).lower()

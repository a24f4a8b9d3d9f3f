"""Rows that would refer to a row that is not there, whatever the source's own keys declare."""

import itertools
import json
from collections.abc import Iterator, Sequence

from handrail.transfer.mapping.rules import Fault
from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.asking import Line, gathered, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.catalog import Constraint, Table
from handrail.transfer.sql.plan import Plan, TablePlan


def check(
    session: Connection, destination: Connection, plan: Plan, table: TablePlan
) -> Line[list[Misfit]]:
    """Hold every foreign key of a destination table against the rows that will be there.

    Keys of one column whose orphans a rule deals with are counted with the rules; all others are
    looked at here: of several columns, in a circle, to the table itself, or trusted by the rules
    because the source declares them valid. Of a table that nobody maps, the rows are there already.
    """
    return (yield from gathered(_lines(session, destination, plan, table)))


def _lines(
    session: Connection, destination: Connection, plan: Plan, table: TablePlan
) -> Iterator[Line[list[Misfit]]]:
    for key in plan.destination.by_name[table.name].foreign_keys:
        if _is_counted(table, key) or not table.by_name.keys() >= {*key.columns}:
            continue
        if key.target in plan.by_name:
            yield _look(session, plan, table, key)
        else:
            yield _ask(session, destination, plan, table, key)


def _is_counted(table: TablePlan, key: Constraint) -> bool:
    """Say whether a rule deals with the orphans of a key, so that they are counted with it."""
    ruled = {(fault.column,) for fault in table.faults if fault.fault is Fault.ORPHAN}
    return key.columns in ruled and key.target != table.name


def _look(session: Connection, plan: Plan, table: TablePlan, key: Constraint) -> Line[list[Misfit]]:
    missing, what = _missing(plan, key)
    # what is found is kept first: with a limit right behind it, the planner would read the
    # parents once for each row
    ((number, keys),) = yield from rows(
        session,
        f"with c as materialized ({table.moved([*key.columns])}), "
        f"found as materialized (select c.key from c where {missing}) "
        f"select count(*), (select array_agg(key) from (select key from found limit {SAMPLES}) s) "
        "from found",
    )
    return _told(table, key, what, number, keys or ())


def _told(
    table: TablePlan, key: Constraint, what: str, number: int, keys: Sequence[str]
) -> list[Misfit]:
    """Return what is wrong with rows by a key; nothing where there are none."""
    place, label = str(table.by_name[key.columns[0]].rule.place), ", ".join(key.columns)
    found = Misfit(table.name, label, what, "refused", number, tuple(keys), place)
    return [found] if number else []


def _ask(
    session: Connection, destination: Connection, plan: Plan, table: TablePlan, key: Constraint
) -> Line[list[Misfit]]:
    """Find rows that refer to one which migrations, or people, have not put there."""
    target = plan.destination.by_name.get(key.target or "")
    if target is None:
        return []
    used = yield from rows(session, _used(table, key))
    given = json.dumps([values for values, *_ in used])
    missing = yield from rows(destination, _absent(target, key), given)
    lost = [used[number - 1] for (number,) in missing]
    what = f"refers to a row of `{key.target}` that is not there: put it there, or map the table"
    keys = itertools.chain.from_iterable(some for _, _, some in lost)
    number = sum(many for _, many, _ in lost)
    return _told(table, key, what, number, tuple(itertools.islice(keys, SAMPLES)))


def _used(table: TablePlan, key: Constraint) -> str:
    """Return a SELECT of what rows refer to: values as JSON, how many rows, keys of the first."""
    names = [f"c.c{n}" for n, _ in enumerate(key.columns)]
    return (
        f"with c as materialized ({table.moved([*key.columns])}) "
        f"select jsonb_build_array({'::text, '.join(names)}::text), count(*), "
        f"(array_agg(c.key))[1:{SAMPLES}] from c where {' is not null and '.join(names)} "
        "is not null group by 1 order by 1"
    )


def _absent(target: Table, key: Constraint) -> str:
    """Return a SELECT of the places of those values, given as JSON, that no row there has."""
    same = " and ".join(
        f"t.{quoted(name)} = (u.v ->> {n})::{target.by_name[name].declared}"
        for n, name in enumerate(key.target_columns)
    )
    absent = f"not exists (select from {target.rows} t where {same})".replace("%", "%%")
    numbered = "jsonb_array_elements(%s::jsonb) with ordinality u(v, n)"
    return f"select u.n from {numbered} where {absent}"


def _missing(plan: Plan, key: Constraint) -> tuple[str, str]:
    """Return the condition of a row `c` whose parent is not there, and what it is called."""
    nulls = [f"c.c{n} is null" for n, _ in enumerate(key.columns)]
    missing, what = f"not ({' or '.join(nulls)})", f"refers to `{key.target}`"
    parents = _parents(plan, key)
    if parents is None:
        what += ", whose rows the mapping does not give"
    else:
        equal = " and ".join(f"p.c{n} = c.c{n}" for n, _ in enumerate(key.columns))
        missing += f" and not exists (select 1 from ({parents}) p where {equal})"
        what = f"refers to a row of `{key.target}` that is not moved"
    if "MATCH FULL" in key.definition:
        partly = f"({' or '.join(nulls)}) and not ({' and '.join(nulls)})"
        missing = f"({missing}) or ({partly})"
    return missing, what


def _parents(plan: Plan, key: Constraint) -> str | None:
    """Return a SELECT of the keys that may be referred to; None where the mapping gives none."""
    parent = plan.by_name.get(key.target or "")
    if parent is None or not parent.by_name.keys() >= {*key.target_columns}:
        return None
    return parent.moved([*key.target_columns])

"""Whether a load may write on the destination at all: it is not read-only, and takes its commands.

What a bulk load asks of the server is asked of it on a small scale, in a transaction that is rolled
back: event triggers refuse commands by kind, whatever these are about.
"""

from collections.abc import Iterator

import psycopg

from handrail.transfer.read.misfits import Misfit
from handrail.transfer.session.connection import Connection, first_line, with_own_path
from handrail.transfer.session.event_triggers import while_disabled
from handrail.transfer.session.refused import advice
from handrail.transfer.sql.plan import Plan

STATE = """
select current_setting('transaction_read_only') = 'on',
       has_database_privilege(current_database(), 'create')
"""
COMMANDS = """
create schema handrail_probe;
create table handrail_probe.p (id int primary key, a text);
create table handrail_probe.c (id int constraint k references handrail_probe.p);
create index i on handrail_probe.p (a);
comment on index handrail_probe.i is 'x';
alter table handrail_probe.c drop constraint k;
drop index handrail_probe.i;
rollback
"""
CLOSED = (
    "a new session on the destination is read-only: take `default_transaction_read_only` back, or "
    "thaw it if a freeze is still on"
)
RIGHTLESS = "the role may not create the schema `_migration`, where a load keeps its record"


def check(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    """Find what would refuse whatever a load writes.

    Args:
        plan: The compiled mapping.
        destination: Session on the destination, outside any transaction.
    """
    what = _state(destination) or _refused(destination)
    if what is not None:
        yield Misfit(plan.tables[0].name, "", what, "refused", 0, (), plan.file)


def _state(destination: Connection) -> str | None:
    """Return what refuses a load whatever it does; None if nothing."""
    ((closed, may_create),) = destination.execute(STATE)
    if closed:
        return CLOSED
    return None if may_create else RIGHTLESS


def _refused(destination: Connection) -> str | None:
    """Return why the server does not take the commands of a load, with what to do; None if so."""
    try:
        destination.execute(f"begin; {with_own_path(destination)}; {COMMANDS}")
    except psycopg.Error as error:
        destination.execute("rollback")
        fix = while_disabled(destination) or advice(error)
        return f"a command of a load is refused: {first_line(error)}: {fix}"
    return None

"""Triggers that refuse every write while a database is frozen.

A database's own setting is a default: a session may make its transactions read-write by itself. A
trigger on each table refuses those, too, with the words and the SQLSTATE of a read-only
transaction. It does so only while the database that it stands in is read-only by its own setting:
where that is taken back by hand, and in a copy that a dump was restored to, it lets all through.
Source: https://www.postgresql.org/docs/current/sql-set-transaction.html
"""

import time
from collections.abc import Mapping, Sequence

from handrail.transfer.session import others
from handrail.transfer.session.connection import Connection, connect, value
from handrail.transfer.session.mark import AS_OWNER, SCHEMA, remove_schema
from handrail.transfer.session.others import Other
from handrail.transfer.session.quoting import block, literal
from handrail.transfer.session.writing_on import would_write_on

NAME = "refuse_writes"
# Longer than an autovacuum, which gives way to who waits, takes to notice it (`deadlock_timeout`).
LOCK_TIMEOUT = "2s"
END_SECONDS = 15.0
BATCH = 200  # tables of one transaction: a server has room for so many locks, and no more
# Whoever set it, and in whatever spelling.
FROZEN = """
exists (select from pg_catalog.pg_db_role_setting s
        join pg_catalog.pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c
        where d.datname = current_database() and s.setrole = 0
        and c like 'default_transaction_read_only=%' and split_part(c, '=', 2)::boolean)
"""
REFUSES = f"""
begin
    if {FROZEN} then
        raise exception using errcode = 'read_only_sql_transaction',
            message = format('cannot execute %s in a read-only transaction', tg_op),
            hint = 'The database is frozen while its rows move to another system.';
    end if;
    return null;
end
"""
FUNCTION = f"""
create schema if not exists {SCHEMA};
create or replace function {SCHEMA}.{NAME}() returns trigger
language plpgsql set search_path = pg_catalog as {literal(REFUSES)}
"""
# Tables of extensions hold nobody's rows, as a list of map projections. One of another role, or of
# a kind that takes no such trigger, is left.
TABLES = f"""
select c.oid, c.oid::regclass::text as named
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', '{SCHEMA}')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                      and d.objid = c.oid and d.deptype = 'e')
      and not exists (select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
                      where t.tgrelid = c.oid and t.tgname = '{NAME}' and t.tgenabled <> 'D'
                      and p.pronamespace = to_regnamespace('{SCHEMA}'))
"""
OPEN = f"select oid::bigint, named from ({TABLES}) t order by oid"
PUT = f"""
declare
    one record;
begin
    for one in select * from ({TABLES}) t where oid = any('{{%s}}') order by oid loop
        begin
            execute format('create trigger {NAME} before insert or update or delete or truncate on '
                           '%%s for each statement execute function {SCHEMA}.{NAME}()', one.named);
            execute format('alter table %%s enable always trigger {NAME}', one.named);
        exception when insufficient_privilege or wrong_object_type or feature_not_supported
                       or lock_not_available or deadlock_detected then
            continue;
        end;
    end loop;
end
"""
# Who holds a table as one does that writes to it.
WRITERS = """
select distinct pid from pg_locks where granted and mode = 'RowExclusiveLock' and pid is not null
and database = (select oid from pg_database where datname = current_database())
and relation = any(%s) and pid <> pg_backend_pid()
"""
THERE = f"select to_regproc('{SCHEMA}.{NAME}') is not null"
# Each table for itself: who reads is kept waiting by its own only, and not for long.
TAKE = f"""
declare
    one record;
begin
    for one in select tgrelid::regclass::text as named from pg_trigger
             where tgfoid = '{SCHEMA}.{NAME}'::regproc order by tgrelid loop
        begin
            execute format('drop trigger {NAME} on %s', one.named);
        exception when lock_not_available or deadlock_detected or undefined_object then
            continue;
        end;
        commit;
    end loop;
end
"""

LEFT = f"""
select tgrelid::regclass::text from pg_trigger
where tgfoid = '{SCHEMA}.{NAME}'::regproc order by 1
"""


def put(session: Connection, database: str, let_be: Mapping[str, str]) -> tuple[str, ...]:
    """Give every table its trigger; return those that take none from this role.

    Who writes to one meanwhile, for it made its transactions read-write, is ended.

    Args:
        session: On a database that is read-only by its own setting, outside a transaction.
        database: Its name.
        let_be: Roles whose sessions stay.

    Raises:
        NotFrozen: somebody writes on, and would not end.
    """
    deadline = time.monotonic() + END_SECONDS
    while True:
        left = session.execute(OPEN).fetchall()
        for first in range(0, len(left), BATCH):
            _put(session, [oid for oid, _ in left[first : first + BATCH]])
        left = session.execute(OPEN).fetchall() if left else []
        writing = _writing(session, database, [oid for oid, _ in left]) if left else []
        if not writing:
            return tuple(named for _, named in left)
        stay = others.unstoppable(writing, let_be)
        if stay or time.monotonic() > deadline:
            raise would_write_on(database, stay or writing)
        others.end(session, writing)
        time.sleep(others.LOOK_SECONDS)


def _put(session: Connection, tables: Sequence[int]) -> None:
    """Give some tables their triggers, in one transaction."""
    puts = block(PUT % ",".join(map(str, tables)))
    timed = f"set local lock_timeout = '{LOCK_TIMEOUT}'"
    steps = ("begin read write", timed, AS_OWNER, FUNCTION, "set local role none", puts, "commit")
    session.execute("; ".join(steps))


def _writing(session: Connection, database: str, tables: Sequence[int]) -> list[Other]:
    """Return the sessions that hold one of these tables as one does that writes."""
    pids = {pid for (pid,) in session.execute(WRITERS, [list(tables)])}
    return [each for each in others.others(session, database) if each.pid in pids]


def remove_from(url: str) -> tuple[str, ...]:
    """Take the triggers away from a database; see `remove`."""
    with connect(url) as session:
        return remove(session)


def remove(session: Connection) -> tuple[str, ...]:
    """Take the triggers away; return the tables that somebody held, which keep theirs.

    Args:
        session: Outside a transaction; it may write from now on.
    """
    if not value(session, THERE):
        return ()
    session.execute("set default_transaction_read_only = off")
    session.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
    session.execute(block(TAKE))
    left = session.execute(LEFT).fetchall()
    if not left:
        session.execute(f"drop function {SCHEMA}.{NAME}()")
        remove_schema(session)
    session.execute("reset lock_timeout")
    return tuple(named for (named,) in left)

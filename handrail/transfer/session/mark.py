"""The mark that a freeze leaves in a database, so that what is made of it can name that state.

A new freeze leaves a new mark. It counts only while the database is read-only by the very setting
that the freeze made: whoever takes that back, and even puts it there again, has ended its state.
"""

import secrets

from handrail.transfer.session.asking import Line, answered, only, rows
from handrail.transfer.session.connection import Connection, value

SCHEMA = "_migration"  # a load's records on the destination lie in a schema of this name, too
# The row that holds the setting is written anew with every change of it: its xmin names that one.
SETTING = (
    "select s.xmin::text from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase "
    "where d.datname = current_database() and s.setrole = 0 "
    "and 'default_transaction_read_only=on' = any(s.setconfig)"
)
THERE = f"select to_regclass('{SCHEMA}.mark') is not null"
# It belongs to the owner of the database: whoever has that one's rights may read and remove it.
AS_OWNER = """
do $$ begin
    execute format('set local role %I', (
        select pg_get_userbyid(datdba) from pg_database where datname = current_database()));
end $$
"""
TABLE = f"""
create schema if not exists {SCHEMA};
create table if not exists {SCHEMA}.mark (
    mark text not null, setting text not null, at timestamptz not null default now()
);
delete from {SCHEMA}.mark
"""


def leave(session: Connection) -> str:
    """Leave a new mark in a database that was just made read-only, and return it."""
    mark = secrets.token_hex(8)
    note = f"insert into {SCHEMA}.mark (mark, setting) select '{mark}', s.xmin from ({SETTING}) s"
    session.execute(f"begin read write; {AS_OWNER}; {TABLE}; {note}; commit")
    return mark


def read(session: Connection) -> str | None:
    """Return the mark of the state the database is frozen in; None where none counts.

    The session's role must be one that may read it: the database's owner, as a rule.
    """
    return answered(reading(session))


def reading(session: Connection) -> Line[str | None]:
    """Read the mark beside other questions; see `read`."""
    if not (yield from only(session, THERE)):
        return None
    found = yield from rows(
        session,
        f"select mark from {SCHEMA}.mark where setting = ({SETTING}) order by at desc limit 1",
    )
    return str(found[0][0]) if found else None


def remove(session: Connection) -> None:
    """Take the mark away, and its schema where nothing else is in it."""
    if not value(session, THERE):
        return
    session.execute(f"drop table {SCHEMA}.mark")
    remove_schema(session)


def remove_schema(session: Connection) -> None:
    """Drop the schema where nothing is in it any more."""
    members = (
        "select exists (select 1 from pg_depend d join pg_namespace n on n.oid = d.refobjid "
        "where d.refclassid = 'pg_namespace'::regclass and n.nspname = %s)"
    )
    if not value(session, members, SCHEMA):
        session.execute(f"drop schema if exists {SCHEMA}")

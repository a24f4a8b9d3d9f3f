"""Who would write on after a freeze: what the database's own setting does not reach.

A session of another role that is nobody's to end, a role with a setting of its own, a prepared
transaction, a subscription.
"""

from collections.abc import Mapping

from handrail.clients.errors import ClientError
from handrail.transfer.session import others
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.others import Other
from handrail.transfer.session.quoting import quoted

# What writes without a session of its own, and would go on doing so: by query, what and fix.
PREPARED = "select gid from pg_prepared_xacts where database = current_database()"
SUBSCRIBED = """
select subname from pg_subscription
where subenabled and subdbid = (select oid from pg_database where datname = current_database())
"""
HIDDEN_WRITERS = (
    (PREPARED, "prepared transactions wait to be committed",
     "`commit prepared` or `rollback prepared` each, then the same command again"),
    (SUBSCRIBED, "subscriptions bring rows from other servers",
     "`alter subscription NAME disable` each, then the same command again"),
)  # fmt: skip

# Of a role's settings, those in this database come before those of everywhere. One that cannot sign
# in, or may write to no table here, as one of another database, writes nothing.
OVERRIDES = """
select o.role, o.rolcanlogin and exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and has_table_privilege(o.oid, c.oid, 'insert, update, delete'))
from (
    select distinct on (r.oid) r.oid, r.rolname::text as role, r.rolcanlogin,
           split_part(c, '=', 2)::boolean as refuses
    from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) c
    where c like 'default_transaction_read_only=%' and s.setdatabase in
          (0, (select oid from pg_database where datname = current_database()))
    order by r.oid, s.setdatabase desc) o
where not o.refuses order by 1
"""


class NotFrozen(ClientError):
    """Writes still get through, or might; the database is as it was before, but for sessions."""


def refuse_early(session: Connection, database: str, let_be: Mapping[str, str]) -> None:
    """Refuse before anything is changed where something would go on writing."""
    if session.standby:
        raise NotFrozen(
            f"`{database}` cannot be frozen here",
            "this server is a standby: its rows come from another one",
            "put the address of the primary into the inventory",
        )
    refuse_hidden(session, database)
    stay = others.unstoppable(others.others(session, database), let_be)
    if stay:
        raise would_write_on(database, stay)
    _refuse_overriding(session, database, let_be)


def refuse_hidden(session: Connection, database: str) -> None:
    """Refuse where something without a session of its own would write."""
    for query, why, fix in HIDDEN_WRITERS:
        if found := [str(row[0]) for row in session.execute(query)]:
            raise NotFrozen(f"`{database}` is not frozen", f"{why}: {', '.join(found)}", fix)


def _refuse_overriding(session: Connection, database: str, let_be: Mapping[str, str]) -> None:
    """Refuse where roles have settings of their own with which they would write."""
    found = session.execute(OVERRIDES).fetchall()
    roles = [role for role, writes in found if writes and role not in let_be]
    if roles:
        raise _would_write_all_the_same(database, roles)


def would_write_on(database: str, stay: list[Other]) -> NotFrozen:
    """Return the refusal that names sessions which are nobody's to end."""
    why = f"these sessions would write on, and are not this role's to end: {others.listed(stay)}"
    return NotFrozen(f"`{database}` is not frozen", why, others.advice(stay))


def _would_write_all_the_same(database: str, roles: list[str]) -> NotFrozen:
    mend = "; ".join(
        f"alter role {quoted(role)} reset default_transaction_read_only; alter role {quoted(role)} "
        f"in database {quoted(database)} reset default_transaction_read_only"
        for role in roles
    )
    return NotFrozen(
        f"`{database}` is not frozen",
        "the own settings of these roles, `default_transaction_read_only = off`, let every new "
        f"session of theirs write all the same: {', '.join(roles)}",
        f"`{mend}`, as a role that may; or name the role with a reason in the inventory if it "
        "writes nothing",
    )


def overriding(session: Connection) -> tuple[str, ...]:
    """Return the roles whose own settings let them write in a database that is read-only."""
    return tuple(role for role, _ in session.execute(OVERRIDES))

"""Whether a database lets its role do what a night asks of it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from handrail.clients.postgres import Database
from handrail.clients.ready.claim import Line, NotReady, Told, ask
from handrail.clients.ready.clock import refuse_skew
from handrail.clients.ready.expiry import lasts

SLOTS_NEEDED = (
    12  # two workers with two sessions each on a side, pg_dump's, ours, and some to spare
)
CLOCKS = 3  # questions to the server's clock; the quickest answer tells most
READ = (
    "name", "role", "owner", "superuser", "creates", "owns", "slots", "tls", "local",
    "size_bytes", "unending", "overriding", "password_ends",
)  # fmt: skip
STANDING = """
select current_database()::text, current_user::text, owner.rolname::text,
       me.rolsuper, me.rolcreatedb, me.rolsuper or pg_has_role(d.datdba, 'usage'),
       (select min(quota - (select count(*) from pg_stat_activity a
                            where a.backend_type = 'client backend'
                              and (asked is null or asked in (a.usesysid, a.datid))))
        from (values (current_setting('max_connections')::int
                      - current_setting('superuser_reserved_connections')::int, null::oid),
                     (nullif(me.rolconnlimit, -1), me.oid),
                     (nullif(d.datconnlimit, -1), d.oid)) quotas (quota, asked))::int,
       (select ssl from pg_stat_ssl where pid = pg_backend_pid()),
       inet_server_addr() is null or inet_server_addr() <<= '127.0.0.0/8'
           or inet_server_addr() = '::1',
       pg_database_size(d.oid),
       array(select distinct r.rolname::text from pg_stat_activity a
             join pg_roles r on r.oid = a.usesysid
             where a.datname = d.datname and a.pid <> pg_backend_pid()
               and coalesce(a.backend_type, 'client backend') = 'client backend'
               and a.pid not in (select w.pid from pg_stat_get_wal_senders() w)
               and not (me.rolsuper or (not r.rolsuper and (pg_has_role(r.oid, 'usage')
                        or pg_has_role('pg_signal_backend', 'usage'))))
             order by 1),
       array(select o.role from (
                 select distinct on (r.oid) r.oid, r.rolname::text as role,
                        split_part(c, '=', 2)::boolean as refuses
                 from pg_db_role_setting s join pg_roles r on r.oid = s.setrole,
                      unnest(s.setconfig) c
                 where c like 'default_transaction_read_only=%' and r.rolcanlogin
                       and s.setdatabase in (0, d.oid) order by r.oid, s.setdatabase desc) o
             where not o.refuses and exists (
                 select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where c.relkind in ('r', 'p') and n.nspname !~ '^pg_'
                       and n.nspname <> 'information_schema'
                       and has_table_privilege(o.oid, c.oid, 'insert, update, delete'))
             order by 1),
       case when isfinite(me.rolvaliduntil) then me.rolvaliduntil end
from pg_database d join pg_roles owner on owner.oid = d.datdba
     join pg_roles me on me.rolname = current_user
where d.datname = current_database()
"""


@dataclass(frozen=True)
class Standing:
    """What a database says of itself and of our role, read in one go.

    Args:
        name: The database.
        role: Who we are there.
        owner: Whose it is.
        superuser: We may do anything.
        creates: We may create databases.
        owns: We have the owner's rights.
        slots: Connections that are left for our role: of the server, the role and the database.
        tls: The connection is encrypted.
        local: The server is on this machine.
        size_bytes: Of the database.
        unending: Roles whose sessions are there and may not be ended by us.
        overriding: Roles whose own settings let them write where the database is read-only.
        password_ends: When our role's password does, aware; None where it has no end.
        version: As the server numbers itself: 150018 is 15.18.
        ahead_seconds: The server's clock less ours; the round trip is taken out.
        round_trip_seconds: From here to the server and back, the shortest of a few.
    """

    name: str
    role: str
    owner: str
    superuser: bool
    creates: bool
    owns: bool
    slots: int
    tls: bool
    local: bool
    size_bytes: int
    unending: tuple[str, ...]
    overriding: tuple[str, ...]
    password_ends: datetime | None
    version: int
    ahead_seconds: float
    round_trip_seconds: float


def look(database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Standing:
    """Read what a database says; nothing is changed.

    Args:
        database: The database.
        now: This machine's clock.

    Raises:
        ClientError: unreachable, or refused.
    """
    with database.connect() as connection:
        row: tuple[Any, ...] | None = connection.execute(STANDING).fetchone()
        asked = [_clock(connection, now) for _ in range(CLOCKS)]
        version = connection.info.server_version
    if row is None:
        raise NotReady(
            f"`{database.name}` was not looked at", "it is not a database", "see its URL"
        )
    way, ahead = min(asked)
    read = dict(zip(READ, row, strict=True))
    read |= {name: tuple(read[name]) for name in ("unending", "overriding")}
    return Standing(**read, version=version, ahead_seconds=ahead, round_trip_seconds=way)


def _clock(
    connection: psycopg.Connection[tuple[Any, ...]], now: Callable[[], datetime]
) -> tuple[float, float]:
    """Ask the server's clock; return how long that took and by how much it is ahead, in seconds."""
    began = now()
    told = connection.execute("select clock_timestamp()").fetchone()
    ended = now()
    there: datetime = told[0] if told else began
    half = (ended - began) / 2
    return (ended - began).total_seconds(), (there - (began + half)).total_seconds()


def role_owns_it(seen: Standing) -> str:
    """Its role has the rights of its owner."""
    if seen.owns:
        return f"`{seen.role}` owns `{seen.name}`"
    raise NotReady(
        f"`{seen.name}` belongs to `{seen.owner}`",
        f"`{seen.role}` does not have its rights, so it can neither freeze nor restore it",
        f"GRANT {seen.owner} TO {seen.role}; as `{seen.owner}`, or use the owner's URL",
    )


def role_creates_databases(seen: Standing) -> str:
    """Its role may create a database, as the proof of a backup does."""
    if seen.creates or seen.superuser:
        return f"`{seen.role}` may create databases"
    raise NotReady(
        f"`{seen.role}` may not create a database",
        "a backup is proven by a restore into a database of its own",
        f"ALTER ROLE {seen.role} CREATEDB; as a role that may",
    )


def sessions_may_be_ended(seen: Standing) -> str:
    """Its role may end the sessions of the application."""
    if not seen.unending:
        return "every session that is there now may be ended"
    roles = ", ".join(seen.unending)
    raise NotReady(
        f"sessions of {roles} on `{seen.name}` may not be ended by `{seen.role}`",
        "one that stays may write after the freeze",
        f"GRANT {roles} TO {seen.role}; or GRANT pg_signal_backend TO {seen.role};",
    )


def settings_hold(seen: Standing) -> str:
    """No role of it has a setting of its own that a freeze does not reach."""
    if not seen.overriding:
        return "a freeze reaches every role"
    roles = ", ".join(seen.overriding)
    raise NotReady(
        f"{roles} may write on `{seen.name}` all the same",
        "its own `default_transaction_read_only = off` comes before the database's",
        f"ALTER ROLE {roles} RESET default_transaction_read_only; also IN DATABASE {seen.name}",
    )


def slots_are_left(seen: Standing) -> str:
    """It has connections left for the load and the backup."""
    if seen.slots >= SLOTS_NEEDED:
        return f"{seen.slots} connections are free"
    raise NotReady(
        f"`{seen.name}` has {max(seen.slots, 0)} connections left",
        f"the night needs up to {SLOTS_NEEDED}",
        "close idle connections, or raise max_connections, or the CONNECTION LIMIT of role or "
        "database",
    )


def password_lasts(seen: Standing) -> str:
    """Its role's password lasts past the night."""
    fix = f"ALTER ROLE {seen.role} VALID UNTIL 'infinity'; as a role that may"
    return lasts(f"the password of `{seen.role}`", seen.password_ends, fix)


def line_is_encrypted(seen: Standing) -> str:
    """Its connection is encrypted, where it leaves this machine."""
    if seen.tls or seen.local:
        return "TLS" if seen.tls else "it is on this machine"
    raise NotReady(
        f"the connection to `{seen.name}` is not encrypted",
        "passwords and rows would cross the network in clear",
        "add `?sslmode=require` to its URL",
    )


def clock_agrees(seen: Standing) -> str:
    """Its clock agrees with the one of this machine."""
    return refuse_skew(f"the server of `{seen.name}`", seen.ahead_seconds)


def way_is_known(seen: Standing) -> str:
    """Its way there and back is measured, for what a freeze takes."""
    return f"{seen.round_trip_seconds * 1000:.0f} ms there and back"


CLAIMS = (
    role_owns_it, role_creates_databases, sessions_may_be_ended, settings_hold, slots_are_left,
    password_lasts, line_is_encrypted, clock_agrees, way_is_known,
)  # fmt: skip


def lines(
    about: str,
    database: Database,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    let_be: Collection[str] = (),
) -> tuple[Standing | None, list[Line]]:
    """Return what the database says, and what is told of each claim.

    Sessions of roles that are let be, as a provider's monitoring, need not be ended.
    """
    seen: list[Standing] = []

    def answers() -> str:
        found = look(database, now)
        roles = found.unending, found.overriding
        unending, overriding = (tuple(r for r in some if r not in let_be) for some in roles)
        seen.append(replace(found, unending=unending, overriding=overriding))
        return f"PostgreSQL {seen[0].version // 10000}.{seen[0].version % 10000}"

    first = ask(about, "It answers", answers)
    if not seen:
        bad = Line(Told.NOT_GOOD, about, first.claim, first.found, first.fix)
        return None, [bad, *_untold(about, (_claim_of(each) for each in CLAIMS))]
    return seen[0], [first, *(_asked(about, each, seen[0]) for each in CLAIMS)]


def _asked(about: str, claim: Callable[[Standing], str], seen: Standing) -> Line:
    return ask(about, _claim_of(claim), lambda: claim(seen))


def _claim_of(claim: Callable[[Standing], str]) -> str:
    return (claim.__doc__ or claim.__name__).partition(".")[0]


def _untold(about: str, claims: Iterable[str]) -> Iterator[Line]:
    for each in claims:
        why = "the database did not answer"
        yield Line(Told.NOT_TOLD, about, each, why, "see the line above, then the same again")

"""Why libpq cannot read an address, without any piece of it that may be a password."""

import re
from collections.abc import Iterable

from psycopg import pq

from handrail.naming import ticked

FORM = "write it as postgresql://user:password@host:port/name"
# Parameters that other clients put into an address, and what to write here. Matched as they are
# written, without regard to case.
# Sources: https://www.prisma.io/docs/orm/overview/databases/postgresql, node-postgres, JDBC
ELSEWHERE = (
    "leave it out; tables outside the role's own schema, which is `public` if none was set, are "
    "named `schema.table`"
)
MEANT = {
    "schema": ELSEWHERE,
    "currentschema": ELSEWHERE,
    "search_path": ELSEWHERE,
    "pgbouncer": "leave it out, and give the server's own address, not the pooler's",
    "connection_limit": "leave it out: there is no pool",
    "pool_timeout": "leave it out: there is no pool",
    "pool_size": "leave it out: there is no pool",
    "max_overflow": "leave it out: there is no pool",
    "socket_timeout": "leave it out, or write `tcp_user_timeout` in milliseconds",
    "statement_cache_size": "leave it out",
    "prepared_statements": "leave it out",
    "sslaccept": "write `sslmode=verify-full` for `strict`, `sslmode=require` for the other",
    "sslidentity": "write `sslcert` and `sslkey`",
    "ssl": "write `sslmode=require`, or `sslmode=disable`",
    "uselibpqcompat": "leave it out",
    "statement_timeout": "leave it out",
    "supa": "leave it out, and give the server's own address, not the pooler's",
}
NOT_A_URL = "it is not a PostgreSQL URL"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,39}")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.]{1,39}):")
ENCODE = "write `@`, `/`, `:`, `?` and `%` in its user and password as %40, %2F, %3A, %3F and %25"


def misread(address: str) -> tuple[str, str]:
    """Return why libpq does not read an address, and what to write.

    Args:
        address: One that libpq has refused.
    """
    if _is_wrapped(address):
        return "blanks or quotes stand around it", f"take them off; {FORM}"
    if address.startswith(("postgres://", "postgresql://")):
        return _misread_url(address)
    if scheme := SCHEME.match(address):
        return f"it begins with `{scheme[1]}:`", FORM
    named = filter(NAME.fullmatch, re.findall(r"(\S+?)\s*=", address))
    return _strange(named) or (NOT_A_URL, FORM)


def _is_wrapped(address: str) -> bool:
    bare = address.strip()
    return bare != address or bare.startswith(('"', "'"))


def _misread_url(address: str) -> tuple[str, str]:
    query = address.partition("?")[2]
    names = [pair.partition("=")[0] for pair in filter(None, query.split("&"))]
    if not (_is_list(query) and all(map(NAME.fullmatch, names))):
        return "its user or password is not percent-encoded", ENCODE
    return _strange(names) or (NOT_A_URL, f"{FORM}; {ENCODE}")


def _is_list(query: str) -> bool:
    """Tell a list of parameters from what follows a `?` of a password."""
    return "@" not in query and "/" not in query.partition("=")[0]


def _strange(names: Iterable[str]) -> tuple[str, str] | None:
    """Tell the parameters that are not libpq's; None where all are."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    strange = [name for name in dict.fromkeys(names) if name not in known]
    if not strange:
        return None
    are = "are no parameters" if len(strange) > 1 else "is no parameter"
    return f"{ticked(strange)} {are} of libpq", "; ".join(map(_advice, strange))


def _advice(name: str) -> str:
    return f"`{name}`: {MEANT.get(name.lower(), 'leave it out')}"

"""Roles as managed PostgreSQL gives them: owners without superuser, applications beside them."""

import psycopg
from psycopg import sql

from rehearsal.postgres import PostgresServer
from rehearsal.verifier import verifier

RIGHTS = (
    "GRANT USAGE ON SCHEMA public TO {}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {}",
)


def create(server: PostgresServer, name: str, *, owns_databases: bool = False) -> None:
    """Create a role that signs in with the server's password.

    Args:
        server: Where.
        name: The role.
        owns_databases: It may create databases, as backups and their proofs need.
    """
    attributes = "CREATEDB" if owns_databases else "NOCREATEDB"
    statement = f"CREATE ROLE {{}} LOGIN NOSUPERUSER {attributes} PASSWORD {{}}"
    kept = sql.Literal(verifier(server.password))
    server.execute(sql.SQL(statement).format(sql.Identifier(name), kept))


def create_owned(server: PostgresServer, database: str) -> str:
    """Create a database and the role of its name that owns it; return the URL for that one."""
    create(server, database, owns_databases=True)
    return server.create_database(database, owner=database)


def let_use(server: PostgresServer, database: str, user: str) -> None:
    """Create an application's role for such a database; its owner may end that role's sessions."""
    create(server, user)
    named = sql.Identifier(user), sql.Identifier(database)
    server.execute(sql.SQL("GRANT {} TO {}").format(*named))
    with psycopg.connect(server.url(database, database), autocommit=True) as connection:
        for right in RIGHTS:
            connection.execute(sql.SQL(right).format(sql.Identifier(user)))

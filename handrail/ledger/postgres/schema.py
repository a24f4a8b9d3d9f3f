"""The tables of a team's ledger, and the way from an older form of them to today's."""

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from handrail.ledger.entry import now, timestamp
from handrail.ledger.errors import LedgerDamaged, RunbookError
from handrail.ledger.postgres.server import HOLD_LEDGERS, Link, Row, Server

ENTRIES = """
CREATE TABLE about (environment text NOT NULL, created_at text NOT NULL, version int NOT NULL);
CREATE TABLE entries (
    seq bigint PRIMARY KEY CHECK (seq > 0), format int NOT NULL, run text NOT NULL,
    attempt int NOT NULL, at text NOT NULL, event text NOT NULL, task text NOT NULL,
    step text NOT NULL, target text NOT NULL, actor text NOT NULL, reason text NOT NULL,
    token bigint NOT NULL, body text NOT NULL, prev text NOT NULL, sha256 text NOT NULL
);
CREATE INDEX entries_of_a_run ON entries (run, seq);
CREATE INDEX runs_in_order ON entries (seq) WHERE event = 'run.opened';
CREATE INDEX entries_under_a_token ON entries (seq) WHERE token > 0;
CREATE TABLE lease (
    id int PRIMARY KEY CHECK (id = 1), token bigint NOT NULL, machine text NOT NULL,
    pid bigint NOT NULL, started text NOT NULL, actor text NOT NULL, taken_at text NOT NULL,
    seconds float8 NOT NULL, held bool NOT NULL, heard_at timestamptz NOT NULL
);
CREATE TABLE anchor (id int PRIMARY KEY CHECK (id = 1), seq bigint NOT NULL, sha256 text NOT NULL);
CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''the ledger is append-only''; END';
CREATE TRIGGER entries_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION stay();
"""
VAULT = """
CREATE TABLE vault (id int PRIMARY KEY CHECK (id = 1), fingerprint text NOT NULL);
CREATE TABLE sealed (name text PRIMARY KEY, value bytea NOT NULL);
"""
FORMS = (ENTRIES, VAULT)  # in their order: each brings the tables to the next form
VERSION = len(FORMS)
_AS_OWNER = """
SELECT set_config('role', rolname, true) FROM pg_class JOIN pg_roles r ON r.oid = relowner
WHERE pg_class.oid = to_regclass('entries')
"""


def make(server: Server) -> None:
    """Make the ledger of an environment, whole or not at all; one that is there stays.

    A schema of its name that holds none yet, as a database's owner made it for a role that may make
    none, is filled.

    Raises:
        LedgerUnwritable: the server does not let this role, or takes no writes.
    """
    link = Link(server)
    try:
        with link.transaction(durable=True) as db:
            if (server.schema,) not in db.execute(HOLD_LEDGERS).fetchall():
                schema = Identifier(server.schema)
                if not _has_schema(db, server):
                    db.execute(SQL("CREATE SCHEMA {}").format(schema))
                db.execute(SQL("SET LOCAL search_path = {}, pg_catalog").format(schema))
                _advance(db, 0)
                about = (server.environment, timestamp(now()), VERSION)
                db.execute("INSERT INTO about VALUES (%s, %s, %s)", about)
    except RunbookError:
        if not is_there(server):  # else another process made it first
            raise
    finally:
        link.close()


def is_there(server: Server) -> bool:
    """Tell whether the environment has a ledger there.

    Raises:
        LedgerDamaged: the server cannot be asked.
    """
    return server.environment in server.environments()


def _has_schema(db: Connection[Row], server: Server) -> bool:
    found = db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (server.schema,))
    return found.fetchone() is not None


def renew(db: Connection[Row]) -> None:
    """Bring tables of an earlier form to today's, within the caller's transaction."""
    found = db.execute("SELECT version FROM about").fetchone()
    version = int(found[0]) if found else VERSION
    if version < VERSION:
        db.execute(_AS_OWNER)  # what one member of the owner's role makes is for all of them
        _advance(db, version)
        db.execute("UPDATE about SET version = %s", (VERSION,))


def _advance(db: Connection[Row], version: int) -> None:
    for form in FORMS[version:]:
        db.execute(form)


def about(link: Link) -> tuple[str, str, int]:
    """Return whose ledger it is, when it was made, and the version of its tables.

    Raises:
        LedgerDamaged: it is not one ledger, or a newer program made it.
    """
    server = link.server
    found = link.ask("SELECT environment, created_at, version FROM about")
    what = f"ledger `{server}` was not opened"
    if len(found) != 1:
        why = f"it names {len(found)} environments; a ledger belongs to one"
        raise LedgerDamaged(what, why, "restore the schema from its backup")
    environment, made_at, version = str(found[0][0]), str(found[0][1]), int(found[0][2])
    if version > VERSION:
        raise LedgerDamaged(
            what,
            f"its tables have version {version}, this program knows versions up to {VERSION}",
            "update this checkout (`git pull && ./run test`), then the same command again",
        )
    if environment != server.environment:
        why = f"it belongs to `{environment}`, not `{server.environment}`"
        raise LedgerDamaged(what, why, "correct `environment` or `ledger` in the inventory")
    return environment, made_at, version

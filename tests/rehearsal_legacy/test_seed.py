"""The filled legacy database holds every kind of row that the real one is known to hold."""

import hashlib

import bcrypt
import psycopg
import pytest
from rehearsal.errors import WorldError
from rehearsal.seed import SEQUENCES_BEHIND, TABLES, fill, row_counts, schema

from tests.rehearsal_legacy.conftest import FILEHOST, SMALL
from tests.rehearsal_legacy.kinds import KINDS


@pytest.fixture(scope="module")
def reading(database):
    """A connection that cannot write, to a copy: a database in use is no template."""
    with psycopg.connect(database) as connection:
        connection.read_only = True
        yield connection


@pytest.mark.parametrize("kind", KINDS)
def test_seed_holds_the_kind(reading, kind):
    """At least one row is of this kind."""
    assert reading.execute(f"SELECT count(*) FROM {KINDS[kind]}").fetchone()[0] > 0


def test_exactly_two_passwords_are_spoilt(reading):
    """One was never hashed and one was cut short; all others are whole bcrypt hashes."""
    spoilt = reading.execute(
        r"SELECT password FROM users WHERE password !~ '^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$'"
    ).fetchall()

    assert len(spoilt) == 2
    assert sum(password.startswith("$2b$10$") for (password,) in spoilt) == 1


@pytest.mark.parametrize("table", [table for table in TABLES if table != "user_settings"])
def test_ids_have_gaps_and_some_sequences_lag(reading, table):
    """Ids are not dense, and next values collide exactly where an import forgot the sequence."""
    rows, highest, following = reading.execute(
        f"SELECT count(*), max(id), (SELECT last_value + is_called::int FROM {table}_id_seq)"
        f" FROM {table}"
    ).fetchone()

    assert (following <= highest) == (table in SEQUENCES_BEHIND)
    assert highest > rows or rows < 30


def test_notifications_without_an_account_are_about_one_in_seven(postgres):
    """Broadcasts are normal rows, not rare ones."""
    url = postgres.create_database("share")
    fill(url, 10_000, FILEHOST)
    with psycopg.connect(url) as connection:
        share = connection.execute(
            "SELECT avg((user_id IS NULL)::int)::float FROM notifications"
        ).fetchone()[0]
    postgres.drop_database("share")

    assert 0.11 < share < 0.17


def test_canaries_match_what_is_stored(reading, filled):
    """Each canary's password fits its stored hash; the set covers what can go wrong."""
    canaries = filled[1]
    stored = dict(
        reading.execute(
            "SELECT username, password FROM users WHERE is_approved = 1 AND NOT is_archived"
        ).fetchall()
    )

    for canary in canaries:
        password = canary["password"].encode()[:72]
        assert bcrypt.checkpw(password, stored[canary["username"]].encode()), canary["username"]
    assert len(canaries) >= 5
    assert {canary["role"] for canary in canaries} == {"admin", "cadet", "training_staff"}
    assert {stored[canary["username"]][:4] for canary in canaries} == {"$2a$", "$2b$", "$2y$"}
    assert any(not canary["password"].isascii() for canary in canaries)
    assert any(len(canary["password"].encode()) > 72 for canary in canaries)


def digests(url):
    """Digest each table's rows as PostgreSQL writes them out, in the order they are stored."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'S')"
            " AND relnamespace = 'public'::regnamespace ORDER BY relname"
        ).fetchall()
        found = {}
        for (table,) in tables:
            digest = hashlib.sha256()
            with connection.cursor().copy(
                f"COPY (SELECT * FROM {table}) TO STDOUT"  # of a sequence: its state
            ) as copy:
                for block in copy:
                    digest.update(block)
            found[table] = digest.hexdigest()
    return found


def test_same_input_gives_the_same_bytes(postgres, filled):
    """Two fillings cannot be told apart, sequences included."""
    url = postgres.create_database("again")
    fill(url, SMALL, FILEHOST)
    again = digests(url)
    postgres.drop_database("again")

    assert again == digests(filled[0])
    assert len(again) == 20 + 19  # tables, and the sequences of all but user_settings


@pytest.mark.parametrize("rows", [200, 3000])
def test_size_is_about_what_was_asked(rows):
    """The rows of all tables add up to the size, but for those no size can do without."""
    assert sum(row_counts(rows).values()) == pytest.approx(rows, rel=0.05, abs=70)


def test_hundred_thousand_rows_take_seconds(postgres):
    """The seed scales to a size at which a transfer can be timed."""
    url = postgres.create_database("large")
    fill(url, 100_000, FILEHOST)
    with psycopg.connect(url) as connection:
        total = sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES
        )
    postgres.drop_database("large")

    assert total == pytest.approx(100_000, rel=0.05)


def test_too_few_rows_are_refused():
    """A size that cannot hold every kind of row is an error, not a thinner database."""
    with pytest.raises(WorldError, match="at least 200"):
        row_counts(199)


def test_lazy_extras_can_be_left_out(postgres):
    """Without its rare routes the server has no staff audit and no QR code."""
    url = postgres.create_database("plain")
    fill(url, 200, FILEHOST, lazy_extras=False)
    with psycopg.connect(url) as connection:
        extras = connection.execute(
            "SELECT count(*) FROM information_schema.columns"
            " WHERE table_name = 'staff_audit' OR column_name = 'qr_code_data'"
        ).fetchone()
    postgres.drop_database("plain")

    assert extras == (0,)
    assert "staff_audit" in schema()
    assert "staff_audit" not in schema(lazy_extras=False)


def test_filling_a_database_that_holds_something_is_refused(postgres, filled):
    """Rows are never added to a database that is in use."""
    url = postgres.create_database("twice", template=filled[0].rpartition("/")[2])
    before = digests(url)
    with pytest.raises(psycopg.errors.DuplicateTable):
        fill(url, SMALL, FILEHOST)
    after = digests(url)
    postgres.drop_database("twice")

    assert after == before

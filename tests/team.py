"""A server for a team's ledgers, and what a test does to one that nobody else should."""

import sqlite3
from contextlib import closing

import psycopg
import pytest
from rehearsal.postgres import PostgresServer

from handrail.ledger.kept import Kept
from handrail.ledger.postgres import schema
from handrail.ledger.postgres.server import Server
from handrail.ledger.schema import FIELDS, LEASE


@pytest.fixture(scope="session")
def team_server(tmp_path_factory):
    """One PostgreSQL server, with a database `ledgers`, for all tests that want it."""
    with PostgresServer(tmp_path_factory.mktemp("team-postgres")) as running:
        running.create_database("ledgers")
        yield running


def fresh(server, folder, environment="lab"):
    """Return where an environment has no ledger yet; what a test before left is gone."""
    place = Server.at(server.url("ledgers"), environment)
    tell(place, f"DROP SCHEMA IF EXISTS handrail_{environment} CASCADE")
    return Kept(folder / f"{environment}.sqlite", place)


def tell(place, *statements):
    """Do something to the tables of a ledger, as their owner may."""
    with psycopg.connect(place.url, autocommit=True) as db:
        db.execute(f"SET search_path = handrail_{place.environment}, pg_catalog")
        for statement in statements:
            found = db.execute(statement)
        return found.fetchall() if found.description else []


def poured(path, server, folder):
    """Put a ledger file, forged or not, on the server as it stands, and return where."""
    kept = fresh(server, folder)
    schema.make(kept.server)
    with closing(sqlite3.connect(path)) as file:
        entries = file.execute(f"SELECT {', '.join(FIELDS)} FROM entries").fetchall()
        lease = file.execute(f"SELECT {', '.join(LEASE)} FROM lease").fetchall()
        about = file.execute("SELECT environment FROM about").fetchall()
        anchor = file.execute("SELECT seq, sha256 FROM anchor").fetchall()
    with psycopg.connect(kept.server.url) as db:
        db.execute("SET search_path = handrail_lab, pg_catalog")
        marks = ", ".join(["%s"] * len(FIELDS))
        with db.cursor() as cursor:
            cursor.executemany(f"INSERT INTO entries VALUES ({marks})", entries)
            cursor.executemany("INSERT INTO anchor VALUES (1, %s, %s)", anchor)
            marks = ", ".join(["%s"] * (len(LEASE) - 1))
            held = [(*each[:-1], bool(each[-1])) for each in lease]
            query = f"INSERT INTO lease VALUES (1, {marks}, %s, clock_timestamp())"
            cursor.executemany(query, held)
            cursor.execute("DELETE FROM about")
            query = f"INSERT INTO about VALUES (%s, 'now', {schema.VERSION})"
            cursor.executemany(query, about)
    return kept

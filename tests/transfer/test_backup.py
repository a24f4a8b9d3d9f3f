"""A backup is proven by a real restore, and puts a database back by name."""

import os
import subprocess

import psycopg
import pytest

from handrail.ledger.documents import backups
from handrail.transfer import freeze
from handrail.transfer.backup import backup
from handrail.transfer.backup.backup import BackupFailed
from handrail.transfer.freeze import NotFrozen
from handrail.transfer.session import programs
from handrail.transfer.session.connection import connect
from handrail.transfer.session.programs import ProgramFailed
from handrail.transfer.session.unreachable import DatabaseUnreachable
from handrail.transfer.sql.compile import open_plan
from operations.backup import told
from tests.ledger.script import Script
from tests.ledger.test_report import report_of
from tests.transfer.pair import ask


def databases(pair):
    """List the server's databases."""
    return {row[0] for row in ask(pair.server.url("postgres"), "select datname from pg_database")}


def test_a_backup_is_proven_and_leaves_nothing_behind(pair, tmp_path):
    """Every table of the restored copy equals the snapshot that was dumped."""
    before = databases(pair)
    made = backup.take(pair.source, tmp_path / "b")

    proof = backup.prove(pair.source, tmp_path / "b")

    assert backup.check(tmp_path / "b") == made
    assert made.size_bytes > 0
    assert (proof.tables, proof.rows) == (len(made.tables), made.rows)
    assert backup.proof(tmp_path / "b") == proof
    assert databases(pair) == before
    assert pair.server.password not in (tmp_path / "b" / "manifest.json").read_text()
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


def test_a_changed_backup_is_refused(pair, tmp_path):
    """One byte is enough, and a proof does not outlive it."""
    backup.take(pair.destination, tmp_path / "b")
    backup.prove(pair.destination, tmp_path / "b")
    victim = next((tmp_path / "b" / "dump").glob("*.dat.gz"))
    victim.write_bytes(victim.read_bytes() + b"x")
    with pytest.raises(BackupFailed, match="damaged"):
        backup.prove(pair.destination, tmp_path / "b")
    assert backup.proof(tmp_path / "b") is None
    with pytest.raises(BackupFailed, match="exists"):
        backup.take(pair.destination, tmp_path / "b")


def test_a_manifest_that_promises_other_rows_is_not_proven(pair, tmp_path):
    """The proof compares rows, not files alone."""
    backup.take(pair.destination, tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(
        text.replace(
            '"name": "system_settings",\n   "rows": 4', '"name": "system_settings",\n   "rows": 5'
        )
    )
    assert manifest.read_text() != text
    before = databases(pair)
    with pytest.raises(BackupFailed, match="system_settings"):
        backup.prove(pair.destination, tmp_path / "b")
    assert databases(pair) == before


def test_a_restore_swaps_by_name_and_keeps_the_old_database(pair, tmp_path):
    """What was there is back, what replaced it is kept as evidence, and sessions do not stop it."""
    backup.take(pair.destination, tmp_path / "b")
    pair.load()
    name = pair.names[1]
    pair.django(f"alter database {name} set statement_timeout = '77s'")
    with psycopg.connect(pair.destination, autocommit=True) as idle:
        idle.execute("select 1")
        done = backup.restore(pair.destination, tmp_path / "b")
    pair.leave()
    assert done.database == name
    assert done.seconds >= done.swap_seconds
    assert ask(pair.destination, "select count(*) from users") == [(0,)]
    assert ask(pair.destination, "show statement_timeout") == [("77s",)]
    kept = pair.server.url(done.kept_as)
    assert ask(kept, "select count(*) > 0 from users") == [(True,)]
    assert freeze.is_frozen(kept)
    pair.server.drop_database(done.kept_as)


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    """An operator learns what to install."""
    monkeypatch.setattr(programs, "directories", lambda: iter([tmp_path]))
    with pytest.raises(ProgramFailed, match="pg_dump for PostgreSQL 15") as caught:
        programs.find(150000)
    assert "postgresql-client-15" in caught.value.fix


def test_an_older_program_is_not_taken(monkeypatch, tmp_path):
    """Of two, the one of the server's version; an older one never."""
    for version in (13, 16, 18):
        place = tmp_path / str(version)
        place.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (place / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}.2'\n")
            (place / name).chmod(0o755)
    monkeypatch.setattr(programs, "directories", lambda: iter(sorted(tmp_path.iterdir())))
    assert programs.find(150000).name == "16"
    assert programs.find(180000).name == "18"
    with pytest.raises(ProgramFailed, match="13, 16, 18"):
        programs.find(190000)


def test_the_password_goes_by_environment(pair):
    """Nothing of the address is an argument, but how a program is to look after its line."""
    found = programs.environment(pair.source)
    line = "keepalives_idle=7 keepalives=1 keepalives_interval=10"
    told = programs.dbname(f"{pair.source}?keepalives_idle=7", "a b").removeprefix("--dbname=")
    assert sorted(told.split(" ")) == sorted([*line.split(), "dbname='a", "b'"])
    assert found["PGPASSWORD"] == pair.server.password
    assert "PGHOST" in found
    assert set(found) <= set(programs.VARIABLES.values()) | set(programs.KEPT)
    assert os.environ.get("PGPASSWORD") != found["PGPASSWORD"]


def test_an_address_is_never_shown():
    """Not even when it cannot be read."""
    for url in (
        "postgresql://u:hunter2@127.0.0.1:1/x",
        "postgres//u:hunter2",
        "host=x password = 'hunter2",
    ):
        with pytest.raises(DatabaseUnreachable) as caught:
            connect(url)
        assert "hunter2" not in f"{caught.value} {caught.value.why} {caught.value.fix}"


def test_a_frozen_database_refuses_writes_and_is_read(pair):
    """Old sessions end, new ones read, and a thaw lets writes through again."""
    writer = psycopg.connect(pair.source, autocommit=True)
    assert not freeze.is_frozen(pair.source)

    frozen = freeze.freeze(pair.source)

    assert frozen.sessions_ended >= 1
    assert frozen.overrides == ()
    with pytest.raises(psycopg.OperationalError):
        writer.execute("delete from grades")
    writer.close()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask(pair.source, "delete from grades")
    assert freeze.is_frozen(pair.source)
    assert freeze.freeze(pair.source).refused_with
    plan = open_plan(pair.mapping, pair.source, pair.destination)
    assert plan.digest
    freeze.thaw(pair.source)
    assert not freeze.is_frozen(pair.source)
    ask(pair.source, "delete from grades")


def test_a_role_that_may_still_write_is_no_freeze(pair):
    """A setting of the role goes before that of the database."""
    ask(
        pair.source,
        f"alter role rotc in database {pair.names[0]} set default_transaction_read_only = off",
    )
    with pytest.raises(NotFrozen, match="rotc"):
        freeze.freeze(pair.source)


def test_the_backup_document_restores_what_was_backed_up(pair, tmp_path):
    """Its commands, typed as they stand, give the rows that it tells."""
    made = backup.take(pair.source, tmp_path / "b")
    facts = told(made, tmp_path / "b")
    script = Script(tmp_path / "lab.sqlite")
    script.start("cutover-1")
    script.act("1.1", **facts, restore_seconds=1.5, way_back_seconds=2.0)
    script.end("stopped")

    said = "\n".join(backups.render(report_of(script.path)))

    for wanted in (str(tmp_path / "b"), facts["sha256"], f"{made.rows:,}", "restored in 1.5 s"):
        assert wanted in said
    commands = "\n".join(line[4:] for line in said.splitlines() if line.startswith("    "))
    of = psycopg.conninfo.conninfo_to_dict(pair.source)
    env = {"PATH": f"{pair.server.binaries}:{os.environ['PATH']}", "PGHOST": of["host"],
           "PGPORT": of["port"], "PGUSER": of["user"], "PGPASSWORD": of["password"]}  # fmt: skip
    subprocess.run(["sh", "-e", "-c", commands], check=True, capture_output=True, env=env)
    restored = pair.server.url(f"{made.database}_restored")
    count = "select count(*) from users"
    assert ask(restored, count) == ask(pair.source, count)

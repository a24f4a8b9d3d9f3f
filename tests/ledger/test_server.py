"""A team's ledger: made and migrated by itself, one clock for all, and no credential shown."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from psycopg.conninfo import make_conninfo

from handrail.cli.__main__ import main
from handrail.clients.ledger_address import address_of
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable, RunbookError, RunLocked
from handrail.ledger.kept import Kept
from handrail.ledger.lease import Owner
from handrail.ledger.postgres import schema
from handrail.ledger.postgres.ledger import PostgresLedger
from handrail.ledger.postgres.server import Server
from handrail.ledger.seam import Fact, NoLedger
from tests.ledger.script import CANARY, cutover, proven
from tests.team import fresh, tell

ME = Owner.this_process("ada")
INTENT = Fact(Event.STEP_STARTED, "r-1", 1, "ada", "1", "lab.write", "one", body={"digest": "d"})
OUTCOME = Fact(Event.STEP_CHANGED, "r-1", 1, "ada", "1", "lab.write", "one", body={"digest": "d"})


@pytest.fixture
def place(team_server, tmp_path):
    """Where there is no ledger yet."""
    return fresh(team_server, tmp_path)


@pytest.fixture
def ledger(place):
    """A new ledger."""
    return place.open("lab", create=True)


def test_a_plan_makes_no_tables(place):
    """Planning an environment where nothing ran leaves no trace on the server."""
    assert isinstance(place.open("lab", create=False), NoLedger)
    assert not schema.is_there(place.server)


def test_tables_of_an_earlier_form_are_brought_to_today_s(place):
    """The first writer does it; a reader reads them as they are."""
    tell(place.server, "CREATE SCHEMA handrail_lab", schema.ENTRIES)
    tell(place.server, "INSERT INTO about VALUES ('lab', 'now', 1)")
    ledger = PostgresLedger(place.server)
    assert (ledger.entries(), ledger.vault()) == ([], "")

    ledger.take_lease(ME)
    ledger.bind_vault("f")

    assert tell(place.server, "SELECT version FROM about") == [(schema.VERSION,)]
    assert PostgresLedger(place.server).vault() == "f"
    assert place.audit().problems == []


def test_tables_of_a_newer_program_are_refused(place, ledger):
    """An old program does not touch what it does not understand."""
    tell(place.server, "UPDATE about SET version = 99")

    with pytest.raises(LedgerDamaged, match="version 99, this program knows versions up to 2"):
        place.open("lab", create=True)


def test_a_ledger_of_another_environment_is_refused(place, ledger):
    """A schema that was renamed, or restored in the wrong place, is told."""
    tell(place.server, "UPDATE about SET environment = 'staging'")

    with pytest.raises(LedgerDamaged, match="belongs to `staging`, not `lab`"):
        place.open("lab", create=True)
    told = [each.what for each in place.audit().problems]
    assert told == ["it lies where the ledger of `lab` belongs"]


def test_edits_are_refused_by_the_server(place):
    """Entries neither change nor go, whoever asks; `verify` tells where that was put aside."""
    proven(place)

    for edit in ("UPDATE entries SET actor = 'x'", "DELETE FROM entries", "TRUNCATE entries"):
        with pytest.raises(Exception, match="append-only"):
            tell(place.server, edit)
    tell(place.server, "ALTER TABLE entries DISABLE TRIGGER entries_never_change")

    told = [each.what for each in place.audit().problems]
    assert told == ["its tables or the triggers that keep it append-only were altered"]


def test_a_lease_ends_by_the_server_s_clock_wherever_its_owner_is(place, ledger):
    """A paused owner of this machine lets it run out; before that it takes a reason."""
    token = ledger.take_lease(ME, seconds=30).token
    with pytest.raises(RunLocked, match=r"--data takeover=1"):
        ledger.take_lease(Owner.this_process("bob"))
    tell(place.server, "UPDATE lease SET heard_at = heard_at - interval '31 s'")

    ledger.beat(token)
    with pytest.raises(RunLocked, match=r"not heard of for 3\d s, and its lease is for 30 s"):
        ledger.refuse_stale(token)
    with pytest.raises(RunLocked, match="paused, or cut off"):
        ledger.append([INTENT], token)
    ledger.append([OUTCOME], token)  # how ended what it had begun is still told
    lease = PostgresLedger(place.server).take_lease(Owner.this_process("bob"))

    assert "let its lease run out" in lease.took_over
    with pytest.raises(RunLocked, match="its token 1 is stale"):
        ledger.append([OUTCOME], token)


def test_who_is_at_work_elsewhere_is_told_by_the_server_s_clock(place, ledger):
    """As `status` and `watch` ask on another machine: alive within its lease, gone past it."""
    ledger.take_lease(replace(ME, machine="far/boot/1"), 60)
    tell(place.server, "UPDATE lease SET heard_at = clock_timestamp() - interval '7 s'")
    there = place.read().writer()
    tell(place.server, "UPDATE lease SET heard_at = clock_timestamp() - interval '61 s'")

    assert there.alive
    assert there.words.endswith("at work, heard of 7 s ago")
    assert not place.read().writer().alive


def test_a_connection_that_was_lost_between_two_entries_is_opened_again(place, ledger):
    """A restart of the server between two steps stops no run."""
    token = ledger.take_lease(ME).token
    for _ in range(2):
        ledger.append([INTENT], token)
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
        tell(place.server, f"{ended} pg_backend_pid() AND datname = 'ledgers'")

    assert [entry.seq for entry in ledger.append([OUTCOME], token)] == [3]
    assert len(PostgresLedger(place.server).entries()) == 3


def test_a_writer_that_is_paused_in_an_entry_holds_up_nobody(place, ledger, monkeypatch):
    """The server ends it, and what it had not finished is as if it had never been."""
    token = ledger.take_lease(ME).token
    ledger.append([INTENT], token)
    script = (
        "import os, signal, sys; from handrail.ledger.postgres.server import *\n"
        "link = Link(Server.at(sys.argv[1], 'lab'))\n"
        "with link.transaction(durable=True) as db:\n"
        "    db.execute(\"SET idle_in_transaction_session_timeout = '300ms'\")\n"
        "    print('in', flush=True); os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, place.server.url], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "in\n"
        assert ledger.append([OUTCOME], token)[0].seq == 2
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()


@pytest.mark.parametrize("said", ["full", "read-only"])
def test_a_server_that_takes_no_entry_is_told_and_nothing_is_lost(place, ledger, said):
    """Its disk is full, or it is a standby: nothing is done that could not be recorded."""
    token = ledger.take_lease(ME).token
    ledger.append([INTENT], token)
    state = {"full": "53100", "read-only": "25006"}[said]
    tell(
        place.server,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no'' "
        f"USING ERRCODE = ''{state}''; END'",
        "CREATE TRIGGER no BEFORE INSERT ON entries FOR EACH STATEMENT EXECUTE FUNCTION no()",
    )

    with pytest.raises(LedgerUnwritable, match=r"disk is full|takes no writes") as refusal:
        ledger.append([OUTCOME], token)
    tell(place.server, "DROP TRIGGER no ON entries")

    assert "nothing is done that could not be recorded" in refusal.value.why
    assert ledger.append([OUTCOME], token)[0].seq == 2


def test_no_address_shows_its_password(place, team_server):
    """In no representation, refusal or command to paste."""
    wrong = f"postgresql://rotc:hush-hush-7@127.0.0.1:{team_server.port}/ledgers"
    server = Server.at(wrong, "lab")

    with pytest.raises(LedgerDamaged, match="user or password is refused") as refusal:
        PostgresLedger(server)

    for text in (str(refusal.value), str(server), repr(server), repr(Kept(place.file, server))):
        assert "hush" not in text
    assert str(server) == f"postgresql://rotc@127.0.0.1:{team_server.port}/ledgers#lab"


@pytest.mark.parametrize(
    "url", ["postgresql://ada:p@ss/w@rd@db/x", "postgresql://ada:hush@db:54x/y", "postgresql://%zz"]
)
def test_an_address_that_cannot_be_read_is_told_without_its_pieces(url):
    """Whatever libpq would quote of it."""
    with pytest.raises(RunbookError, match="not one that PostgreSQL") as refusal:
        Server.at(url)

    assert "hush" not in str(refusal.value)
    assert "p@ss" not in str(refusal.value)


def test_an_address_is_read_from_where_it_is_named(monkeypatch):
    """From a variable, a file or a command, as any secret."""
    monkeypatch.setenv("TEAM_LEDGER", "postgresql://ada:hush-hush@db/x")

    assert address_of("env:TEAM_LEDGER") == "postgresql://ada:hush-hush@db/x"
    assert address_of("env:TEAM_LEDGER#lab") == "postgresql://ada:hush-hush@db/x#lab"
    assert address_of("state/x.sqlite") == "state/x.sqlite"


def test_secrets_lie_sealed_under_a_key_that_each_operator_holds(place, tmp_path):
    """The server has no key; who has it opens them, and who has another is told what to do."""
    script = cutover(place)
    script.ledger.bind_vault(script.vault.fingerprint())
    key = place.file.with_suffix(".key")
    other = Kept(tmp_path / "other" / "lab.sqlite", place.server)
    held = other.read()
    (name, value) = tell(place.server, "SELECT name, value FROM sealed")[0]

    assert CANARY.encode() not in bytes(value)
    assert key.stat().st_mode & 0o777 == 0o600
    for make in (lambda: None, lambda: other.file.with_suffix(".key").write_text("0" * 64)):
        other.file.parent.mkdir(exist_ok=True)
        make()
        with pytest.raises(LedgerDamaged, match="each operator holds the same key") as refusal:
            other.vault(held).fingerprint()
        assert 'ledger_key = "file:PATH"' in refusal.value.fix
    elsewhere = Kept(other.file, place.server, lambda: "0" * 64)
    with pytest.raises(LedgerDamaged, match="not the one that the ledger was written") as refusal:
        elsewhere.vault(held).unseal(name)
    assert "LEDGER_KEY where that is set" in refusal.value.fix
    shared = Kept(other.file, place.server, key.read_text)
    assert shared.vault(held).unseal(name) == script.vault.unseal(name) == CANARY


def test_another_key_opens_everything_and_the_former_one_nothing(
    place, tmp_path, capsys, monkeypatch
):
    """All or nothing, on record; whoever types it again is told that it was done."""
    script = cutover(place)
    script.ledger.bind_vault(script.vault.fingerprint())
    (name, before) = tell(place.server, "SELECT name, value FROM sealed")[0]
    digest, own = script.vault.digest("x"), place.file.with_suffix(".key")
    fresh, url = tmp_path / "new.key", f"{place.server.url}#lab"
    monkeypatch.setenv("LEDGER_KEY", f"file:{own}")
    busy = place.read().take_lease(ME)
    assert main(["rekey", f"file:{fresh}", "--ledger", url]) == 1
    place.read().release_lease(busy.token)
    assert [main(["rekey", f"file:{fresh}", "--ledger", url]) for _ in "12"] == [0, 0]
    assert main(["rekey", "hush", "--ledger", url]) == 2

    told = "".join(capsys.readouterr())
    assert "nothing was moved or changed" in told
    assert "from now on: 1;" in told
    assert "under that key already" in told
    assert (name, before) not in tell(place.server, "SELECT name, value FROM sealed")
    held = place.read()
    with pytest.raises(LedgerDamaged, match="or was changed since"):
        place.vault(held).unseal(name)
    other = Kept(place.file, place.server, fresh.read_text).vault(held)
    assert (other.unseal(name), other.digest("x")) == (CANARY, digest)
    assert other.unseal(other.seal("a new one")) == "a new one"
    assert Kept(place.file, place.server, fresh.read_text).audit().problems == []
    assert held.entries()[-1].event == "vault.rekeyed"


def test_a_role_that_may_make_no_schema_fills_one_that_was_made_for_it(team_server, tmp_path):
    """Until then it is told what to type; a role that may not look is told so, too."""
    owner = fresh(team_server, tmp_path)
    tell(owner.server, "CREATE ROLE plain_ledger LOGIN PASSWORD 'plain'")
    named = make_conninfo(owner.server.url, user="plain_ledger", password="plain")
    plain = replace(owner.server, url=named)
    with pytest.raises(LedgerUnwritable, match="role may not") as refusal:
        schema.make(plain)
    line = refusal.value.fix.split("`")[1]

    tell(owner.server, line)
    assert not schema.is_there(plain)
    schema.make(plain)

    assert PostgresLedger(plain).take_lease(ME).token == 1
    tell(owner.server, "DROP SCHEMA handrail_lab CASCADE", "DROP ROLE plain_ledger")


def test_a_sealed_value_that_was_tampered_with_is_not_given_back(place):
    """Neither a changed one nor one that was put in another's place."""
    script = cutover(place)
    script.ledger.bind_vault(script.vault.fingerprint())
    name = script.vault.seal(CANARY)
    tell(place.server, "UPDATE sealed SET value = overlay(value placing '\\x00' from 20)")

    with pytest.raises(LedgerDamaged, match="not what was sealed"):
        script.vault.unseal(name)
    assert any("not what was sealed" in each.what for each in place.audit().problems)


def test_a_ledger_that_is_gone_from_the_server_is_a_loss(place):
    """Beside its log, or beside a file of the same environment, nothing begins anew."""
    place.file.with_suffix(".log").write_text("{}")
    with pytest.raises(LedgerDamaged, match="it was lost") as told:
        place.open("lab", create=True)
    assert told.value.what == f"ledger `{place}` was not opened"
    place.file.with_suffix(".log").unlink()
    proven(place.file)

    with pytest.raises(LedgerDamaged, match="to begin anew would be to forget"):
        place.open("lab", create=True)


def test_two_operators_may_make_the_same_ledger(place):
    """Whoever comes second opens what the first one made."""
    schema.make(place.server)
    schema.make(place.server)

    assert place.open("lab", create=True).environment == "lab"

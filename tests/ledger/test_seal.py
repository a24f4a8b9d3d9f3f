"""Seals: what a forger with the ledger in hand cannot make anew; and who finds which forgery."""

import base64
import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from handrail.cli.__main__ import main
from handrail.ledger.audit import audit
from handrail.ledger.kept import Kept
from handrail.ledger.seal import Seal
from tests.clients.conftest import MARK, Reply, wire
from tests.ledger.script import Script, cutover, forging, proven, rehash, renumber, standing
from tests.team import poured, team_server

__all__ = ["team_server", "wire"]
ROOT = Path(__file__).parents[2]
HARMLESS = "UPDATE entries SET actor = 'mallory' WHERE seq = 4"


def inserted(db):
    """Put a refusal that never was between two entries."""
    renumber(db, 5, 1)
    names = "format, run, attempt, at, event, task, step, target, actor, reason, token, body"
    db.execute(f"INSERT INTO entries (seq, {names}, prev, sha256) SELECT 5, {names}, prev, sha256 "
               "FROM entries WHERE seq = 4")  # fmt: skip


def exchanged(db):
    """Let two entries change places."""
    for seq, to in ((4, 99), (5, 4), (99, 5)):
        db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (to, seq))


def deleted(db):
    """Take a refusal out, and close the gap."""
    seq = db.execute("SELECT seq FROM entries WHERE event = 'step.refused'").fetchone()[0]
    db.execute("DELETE FROM entries WHERE seq = ?", (seq,))
    renumber(db, seq + 1, -1)


def by(*changes, anew=False):
    """Return a forger that does this to the tables."""

    def forge(path, older):
        del older
        with forging(path) as db:
            for change in changes:
                db.execute(change) if isinstance(change, str) else change(db)
            if anew:
                rehash(db)

    return forge


def put_back(path, older):
    """Put an older copy back, vault and all."""
    shutil.copy(older, path)


def written_anew(path, older):
    """Write a chain that is sound, and tells another story."""
    del older
    path.unlink()
    proven(path)


def another_put_here(path, older):
    """Put the ledger of staging where production's belongs."""
    del older
    path.unlink()
    other = Script(Kept(path), environment="staging")
    other.start("cutover-1")
    other.end("stopped")


FORGERIES = {
    "an entry edited": by(HARMLESS),
    "an entry edited, and all digests after it made anew": by(HARMLESS, anew=True),
    "an entry deleted": by("DELETE FROM entries WHERE seq = 4"),
    "an entry deleted, and the rest made anew": by(deleted, anew=True),
    "two entries exchanged": by(exchanged),
    "an entry inserted": by(inserted),
    "the newest entries cut off": by("DELETE FROM entries WHERE seq > 6"),
    "an older copy put back": put_back,
    "all of it written anew, as it never was": written_anew,
    "the environment exchanged": by("UPDATE about SET environment = 'staging'"),
    "another environment's ledger put in its place": another_put_here,
    "all of it written anew, and the head that is kept outside, too": written_anew,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The keys of Ada, who seals, and of Mallory."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "mallory"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
        subprocess.run(made, check=True)
    return folder


@pytest.fixture
def sealed(tmp_path, keys, capsys):
    """A ledger with an older copy, the head that was kept, and a folder with its seal."""
    path, older = tmp_path / "lab.sqlite", tmp_path / "older.sqlite"
    script = standing(path)
    shutil.copy(path, older)
    script.start("cutover-1", 2)
    script.end("stopped")
    head = audit(path).head
    seal(path, keys / "ada", tmp_path / "seals")
    capsys.readouterr()
    return path, older, head


def seal(path, key, *places):
    """Seal the head of a ledger; returns the exit status."""
    put = [word for place in places for word in ("--to", str(place))]
    return main(["seal", "--key", str(key), *put, "--ledger", str(path)])


def verify(path, *more):
    """Tell whether `handrail verify` finds nothing."""
    return main(["verify", "--ledger", str(path), *map(str, more)]) == 0


def table():
    """Return what the page says of each forgery: found or missed, plain, with head, with seal."""
    page = (ROOT / "state" / "README.md").read_text(encoding="utf-8")
    row = r"^\| (.+?) \| (found|missed) \| (found|missed) \| (found|missed) \|$"
    rows = re.findall(row, page, re.MULTILINE)
    return {name: tuple(found) for name, *found in rows}


def test_the_page_tells_every_kind_of_forgery():
    """The table is the list of these tests."""
    assert list(table()) == list(FORGERIES)


@pytest.fixture(params=["file", "server"])
def where(request, tmp_path):
    """What the entries of a file are verified by: the file, or a server that holds the same."""
    if request.param == "file":
        return lambda path: path
    server = request.getfixturevalue("team_server")

    def on_the_server(path):
        poured(path, server, tmp_path)
        return f"{server.url('ledgers')}#lab"

    return on_the_server


@pytest.mark.parametrize("kind", FORGERIES)
def test_each_forgery_is_found_as_the_page_says(sealed, keys, kind, where):
    """By the chain alone, with a head that was kept, and with a seal; in a file and on a server."""
    path, older, head = sealed
    known = ["--seal", path.with_name("seals"), "--signers", keys / "ada.pub"]
    sound = where(path)
    assert verify(sound)
    assert verify(sound, "--head", head)
    assert verify(sound, *known)

    FORGERIES[kind](path, older)
    kept = audit(path).head if kind.endswith("outside, too") else head
    forged = where(path)
    found = [not verify(forged), not verify(forged, "--head", kept), not verify(forged, *known)]

    told = tuple("found" if each else "missed" for each in found)
    on_a_server = {"another environment's ledger put in its place": ("found",) * 3}
    assert told == (table() | on_a_server if forged != path else table())[kind]


@pytest.mark.parametrize("kind", FORGERIES)
@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
def test_the_verifier_in_another_language_finds_them_by_the_seal(sealed, keys, kind, capsys):
    """It has the export, the seal and the public key, and shares no code with us."""
    path, older, _ = sealed
    seals = sorted(path.with_name("seals").glob("*.json"))
    assert node(exported(path, capsys), seals, keys / "ada.pub").startswith("good: ")

    FORGERIES[kind](path, older)
    text = raw_export(path)

    assert "not good" in node(text, seals, keys / "ada.pub")


def exported(path, capsys):
    """Return what `handrail export` prints."""
    assert main(["export", "--ledger", str(path)]) == 0
    return capsys.readouterr().out


def raw_export(path):
    """Return the entries as they lie in a file that may be forged."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        (environment,) = db.execute("SELECT environment FROM about").fetchone()
        rows = db.execute("SELECT * FROM entries ORDER BY seq").fetchall()
    entries = [dict(row) | {"body": json.loads(row["body"]), "environment": environment}
               for row in rows]  # fmt: skip
    return "".join(f"{json.dumps(each)}\n" for each in entries)


def node(text, seals, key):
    """Return what the verifier says."""
    given = [word for each in seals for word in ("--seal", str(each))]
    command = ["node", str(ROOT / "docs" / "verify.mjs"), *given, "--key", str(key)]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False
    ).stdout.splitlines()[-1]


def test_a_seal_is_an_in_toto_statement_of_the_run(sealed):
    """Its subject is the head; its predicate says where the run stands."""
    path, _, head = sealed
    (file,) = path.with_name("seals").glob("*.json")
    envelope = json.loads(file.read_text())

    said = json.loads(base64.b64decode(envelope["payload"]))

    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["subject"] == [{"name": "lab/cutover-1", "digest": {"sha256": head}}]
    assert said["predicate"]["run"]["outcome"] == "stopped"
    assert [each["state"] for each in said["predicate"]["run"]["tasks"]][:2] == ["changed"] * 2


def test_what_was_sealed_or_published_is_held_against_what_stands_there(sealed):
    """By digests computed anew, whatever the file says of itself; and each says what is wrong."""
    path, _, _ = sealed
    (file,) = path.with_name("seals").glob("*.json")
    seal = Seal.read(file.read_text(), "ada's")
    with forging(path) as db:
        db.execute(f"UPDATE entries SET actor = 'mallory' WHERE seq = {seal.seq}")

    found = audit(path, seal.sha256, [seal])
    told = " ".join(each.what for each in found.problems)
    other = replace(seal, environment="staging")

    assert found.published == "the published head is not in this ledger"
    assert "is not the one that the seal `ada's`" in told
    assert "is of `staging`" in " ".join(other.against("lab", seal.seq, seal.sha256))


def test_a_seal_by_another_key_proves_nothing(sealed, keys, capsys):
    """Nor one whose payload was changed, nor one without anybody who may sign."""
    path, _, _ = sealed
    seals = path.with_name("others")
    seal(path, keys / "mallory", seals)
    (file,) = seals.glob("*.json")
    known = ["--seal", seals, "--signers", keys / "ada.pub"]

    assert not verify(path, *known)
    assert "signed by none of those who may" in capsys.readouterr().err
    envelope = json.loads(next(path.with_name("seals").glob("*.json")).read_text())
    payload = base64.b64decode(envelope["payload"]).replace(b"stopped", b"proven!")
    file.write_text(json.dumps(envelope | {"payload": base64.b64encode(payload).decode()}))
    assert not verify(path, *known)
    assert main(["verify", "--ledger", str(path), "--seal", str(seals)]) == 2
    file.write_text("{}")
    assert not verify(path, *known)


def test_a_seal_is_put_into_git_notes_and_on_record(tmp_path, keys, capsys):
    """Into each place that is named; the ledger says where."""
    path, repository = tmp_path / "lab.sqlite", tmp_path / "repo"
    script = cutover(path)
    made = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(repository)]
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    subprocess.run([*made, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    for name, value in (("name", "a"), ("email", "a@b")):
        subprocess.run(["git", "-C", repository, "config", f"user.{name}", value], check=True)

    assert seal(path, keys / "ada", tmp_path / "seals", f"git:{repository}") == 0
    command = ["git", "-C", repository, "notes", "--ref=handrail", "show", "HEAD"]
    note = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    last = script.ledger.entries()[-1]

    assert json.loads(note) == json.loads(next((tmp_path / "seals").glob("*.json")).read_text())
    assert (last.event, len(last.body["to"])) == ("head.sealed", 2)
    assert seal(path, keys / "ada", f"git:{repository}") == 0
    allowed, key = tmp_path / "allowed", (keys / "ada.pub").read_text()
    allowed.write_text(f'ada namespaces="handrail-seal" {key}')  # as OpenSSH's own file has it
    noted = ["--seal", f"git:{repository}", "--signers", allowed]
    assert verify(path, *noted)
    assert "2 seals" in capsys.readouterr().out
    with forging(path) as db:
        db.execute("DELETE FROM entries WHERE seq > 6")
    assert not verify(path, *noted)


def test_a_seal_is_posted_to_a_webhook_and_verified_from_what_arrived(
    tmp_path, keys, wire, monkeypatch, capsys
):
    """Its address is named, never shown; the receiver's own copy is a seal."""
    path, arrived = tmp_path / "lab.sqlite", tmp_path / "arrived.json"
    script = cutover(path)
    monkeypatch.setenv("SEALS", f"{wire.url}/seals/{MARK}")
    wire.on("POST", f"/seals/{MARK}", Reply(204))

    assert seal(path, keys / "ada", "env:SEALS") == 0
    arrived.write_bytes(wire.seen[0].body)
    told = "".join(capsys.readouterr())

    assert len(wire.seen) == 1
    assert script.ledger.entries()[-1].body["to"] == ["env:SEALS"]
    assert MARK not in told + str(script.ledger.entries()[-1])
    assert verify(path, "--seal", arrived, "--signers", keys / "ada.pub")
    with forging(path) as db:
        db.execute("DELETE FROM entries WHERE seq > 6")
    assert not verify(path, "--seal", arrived, "--signers", keys / "ada.pub")


@pytest.mark.parametrize(
    "reply", [Reply(500), Reply(drop=True), Reply(302, None, {"Location": "/"})]
)
def test_a_place_that_refuses_keeps_a_seal_out_of_no_other(
    tmp_path, keys, wire, monkeypatch, capsys, reply
):
    """Whichever comes first: what took it is on record, what did not is told, and it exits 1."""
    path = tmp_path / "lab.sqlite"
    script = cutover(path)
    monkeypatch.setenv("SEALS", f"{wire.url}/seals/{MARK}")
    wire.on("POST", f"/seals/{MARK}", reply)

    assert seal(path, keys / "ada", "env:SEALS", tmp_path / "seals") == 1
    told = capsys.readouterr()

    assert len(list((tmp_path / "seals").iterdir())) == 1
    assert script.ledger.entries()[-1].body["to"] == [str(next((tmp_path / "seals").iterdir()))]
    assert wire.host in told.err
    assert MARK not in told.out + told.err


def test_an_address_of_a_webhook_that_is_written_out_is_no_place(tmp_path, keys, capsys):
    """It is a secret: no folder of that name is made, and nothing is on record."""
    path = tmp_path / "lab.sqlite"
    script = cutover(path)

    assert seal(path, keys / "ada", "https://hooks.example/seals") == 1

    assert "name that: `env:SEALS`" in capsys.readouterr().err
    assert not Path("https:").exists()
    assert script.ledger.entries()[-1].event != "head.sealed"


def test_what_cannot_be_sealed_is_told(tmp_path, keys, capsys):
    """No key, no place, a place that takes nothing."""
    path = tmp_path / "lab.sqlite"
    proven(path)
    (tmp_path / "file").write_text("")

    assert seal(path, tmp_path / "none", tmp_path) == 1
    assert seal(path, keys / "ada") == 2
    assert seal(path, keys / "ada", tmp_path / "file" / "x") == 1
    assert seal(path, keys / "ada", f"git:{tmp_path}") == 1
    told = capsys.readouterr().err
    assert all(each in told for each in ("no key", "no place outside", "was not written", "notes"))

"""`handrail doctor` says before the night what would stop it in the night, all of it at once."""

import json
import os
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from rehearsal.postgres import PostgresServer

from handrail.cli.rounds import way_back_fits
from handrail.clients.postgres import Database
from handrail.clients.ready import database as databases
from handrail.clients.ready.claim import NotReady
from handrail.clients.ready.clock import http_clock_agrees
from handrail.clients.ready.machine import disk
from handrail.clients.secret import Secret
from handrail.ledger.audit import audit
from handrail.ledger.proof import Proof, Timed
from handrail.ledger.store import SqliteLedger
from handrail.ledger.views import distance
from handrail.testing.forking import Ran, forked
from tests.clients.conftest import Reply, Wire
from tests.clients.git_world import clone, no_identity, origin, template

__all__ = ["clone", "no_identity", "origin", "template"]

WARM = Path(__file__).with_name("warm.py")
PASSWORD = "a-password-9f3c"  # of every role in these tests
MEMBER = {"email": "ada@example.test", "role": "DEVELOPER", "status": "active"}
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with an application's database, owned by `app`, who may do what a night needs."""
    with PostgresServer(tmp_path_factory.mktemp("doctor-postgres")) as running:
        with psycopg.connect(running.url("postgres"), autocommit=True) as session:
            for role, more in (("app", "createdb"), ("weak", ""), ("watcher", "superuser")):
                statement = "create role {} login password {} " + more
                session.execute(sql.SQL(statement).format(sql.Identifier(role), PASSWORD))
        running.create_database("shop", owner="app")
        yield running


@pytest.fixture
def wire():
    """Render and the webhook of alerts."""
    served = Wire()
    served.on("GET", "/v1/users", Reply(200, {"name": "Ada", "email": "Ada@example.test"}))
    served.on("GET", "/v1/owners/tea-1", Reply(200, {"id": "tea-1", "type": "team"}))
    served.on("GET", "/v1/owners/tea-1/members", Reply(200, [MEMBER]))
    served.on("GET", "/v1/services", Reply(200, []))
    served.on("POST", "/hook", Reply(200, {}))
    yield served
    served.close()


@pytest.fixture
def place(tmp_path, server, wire, clone):
    """A folder with an inventory in which everything is as it should be."""
    secrets = {
        "DATABASE": address(server, "app"),
        "KEY": "rnd_0123456789",
        "HOOK": f"{wire.url}/hook",
    }
    data = {
        "shop_database": "env:DATABASE",
        "alerts": "env:HOOK",
        "directory": str(tmp_path / "evidence"),
        "render": {"api": f"{wire.url}/v1", "key": "env:KEY", "owner": "tea-1"},
        "repository": {"path": str(clone), "remote": "origin", "branch": "main"},
    }
    return Place(tmp_path, data, secrets)


def address(server, role, database="shop"):
    """Return a URL with a role's own password."""
    given = psycopg.conninfo.conninfo_to_dict(server.url(database))
    return f"postgresql://{role}:{PASSWORD}@{given['host']}:{given['port']}/{database}"


THIRD = {"The store": {"url": "{AT}/ping", "user": "{KEY}", "password": "{KEY}"}}


def in_a_fork(command, folder, env):
    """Carry a command out in a process that has imported it already."""
    return forked(WARM, command, folder, env, apart=True)


def from_its_start(command, folder, env):
    """Carry a command out in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder, capture_output=True, text=True, check=False, env=env,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


class Place:
    """An inventory and the environment it is read in."""

    def __init__(self, folder, data, secrets):
        """Keep them to be changed by a test."""
        self.folder, self.data, self.secrets = folder, data, secrets

    def doctor(self, *arguments, carry_out=in_a_fork, **environment):
        """Run the command on the inventory; return its status and its lines by what they claim."""
        (self.folder / "inv.py").write_text(f"hosts = [('@control/shop', {self.data!r})]\n")
        command = ["handrail", "doctor", "inv.py", *arguments]
        ran = carry_out(command, self.folder, os.environ | self.secrets | environment)
        assert "Traceback" not in ran.errors, ran.errors
        for value in filter(None, self.secrets.values()):
            assert value not in ran.said + ran.errors
        assert PASSWORD not in ran.said + ran.errors
        return ran.code, ran.said

    def told(self, **more):
        """Return the status and, of all that is not good, what is told."""
        status, output = self.doctor("--json", **more)
        lines = json.loads(output)
        assert all(line["fix"] for line in lines if line["told"] != "good")
        return status, {
            line["claim"]: (line["told"], line["found"]) for line in lines if line["told"] != "good"
        }


def test_this_machine_alone_is_looked_at_without_an_inventory():
    """Python, git, PostgreSQL's programs, disk, clock: each with what was found."""
    done = subprocess.run(
        [sys.executable, "-m", "handrail", "doctor"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    programs = ("Python", "git", "flock", "psql", "pg_dump", "pg_restore", "node")
    for word in (*programs, "disk", "clock"):
        assert word in done.stdout
    assert "good: this machine could" in done.stdout


def test_it_exits_0_where_a_cutover_could_start_and_changes_nothing(place, wire, clone):
    """One alert that says it is a trial; no commit is pushed, nothing is written."""
    place.data["third_parties"] = THIRD  # of a host whose application is given nothing for them
    before = sorted(place.folder.rglob("*"))

    status, output = place.doctor()

    assert status == 0, output
    assert "a cutover could start" in output
    assert "not good" not in output
    (alert,) = wire.requests("POST", "/hook")
    assert "trial" in alert.json()["text"]
    assert {seen.method for seen in wire.seen} == {"GET", "POST"}
    left = {each for each in place.folder.rglob("*") if ".git" not in str(each)}
    assert left - set(before) <= {place.folder / "inv.py"}


def test_the_way_to_the_databases_is_told_and_noted_for_the_plan(place):
    """Beside the ledger of the environment, which need not be there yet."""
    place.data["environment"] = "shop"

    status, output = place.doctor()

    assert status == 0, output
    assert re.search(r"way there and back .*: \d+ ms there and back", output)
    way = distance.noted(place.folder / "state" / "ledgers" / "shop.sqlite")
    assert way is not None
    assert 0 < way < 1


def test_every_secret_that_is_missing_or_malformed_is_told_at_once(place):
    """By its name; and what needs it is told as not told, or not good."""
    place.data["canaries"] = "env:CANARIES"
    place.data["redis"] = "env:REDIS"
    place.secrets |= {"KEY": "", "DATABASE": "mysql://x", "CANARIES": "[]", "REDIS": "http://x"}

    status, told = place.told()

    assert status == 1
    for name in ("KEY", "DATABASE", "CANARIES", "REDIS"):
        assert told[f"`env:{name}` is there and of its form"][0] == "not good"
    assert told["It answers"][0] == "not good"
    assert told["Its role may create a database, as the proof of a backup does"][0] == "not told"


def test_a_role_that_may_not_do_what_the_night_asks_is_told_before_it(place, server):
    """Neither its database nor CREATEDB, and a session that it may not end."""
    place.secrets["DATABASE"] = address(server, "weak")
    with psycopg.connect(address(server, "watcher")):
        status, told = place.told()

    assert status == 1
    assert told.keys() == {
        "Its role has the rights of its owner",
        "Its role may create a database, as the proof of a backup does",
        "Its role may end the sessions of the application",
    }
    assert {verdict for verdict, _ in told.values()} == {"not good"}
    assert "belongs to `app`" in told["Its role has the rights of its owner"][1]
    assert "watcher" in told["Its role may end the sessions of the application"][1]


def test_what_ends_before_the_night_is_over_is_told(place, server):
    """A role's password, a token by its own word, and what the inventory says of a secret."""
    soon, later = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (1, 30))
    claims = json.dumps({"exp": int((datetime.now(UTC) + timedelta(hours=1)).timestamp())})
    token = f"e30.{urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.c2lnbmF0dXJl"
    place.data["deploy_token"] = "env:TOKEN"
    place.data["secrets_expire"] = {"env:KEY": soon, "env:HOOK": later, "env:TOKEN": "soon"}
    place.secrets |= {"TOKEN": token, "DATABASE": address(server, "app")}
    with psycopg.connect(server.url("postgres"), autocommit=True) as session:
        session.execute(f"alter role app valid until '{soon}' connection limit 5")
        try:
            status, told = place.told()
        finally:
            session.execute("alter role app valid until 'infinity' connection limit -1")

    assert status == 1
    assert told.keys() == {
        "`env:TOKEN` is there and of its form",
        "`env:TOKEN` lasts past the night",
        "`env:KEY` lasts past the night",
        "Its role's password lasts past the night",
        "It has connections left for the load and the backup",
    }
    assert f"`env:KEY` ends at {soon}" in told["`env:KEY` lasts past the night"][1]
    assert "it says `soon`" in told["`env:TOKEN` lasts past the night"][1]
    assert f"ends at {soon}" in told["Its role's password lasts past the night"][1]


@pytest.mark.parametrize(
    ("change", "claim", "found"),
    [
        ({"local": False, "tls": False}, databases.line_is_encrypted, "is not encrypted"),
        ({"slots": 3}, databases.slots_are_left, "has 3 connections left"),
        ({"ahead_seconds": -61.0}, databases.clock_agrees, "is 61 s behind"),
    ],
)
def test_what_a_server_here_cannot_show_is_told_of_one_that_can(server, change, claim, found):
    """TLS, connections, clock: from what a real server said, with one thing otherwise."""
    seen = databases.look(Database(Secret.of(address(server, "app"))))
    assert claim(seen)

    with pytest.raises(NotReady, match=found):
        claim(replace(seen, **change))


def test_clocks_that_differ_are_told(server, wire):
    """The server's and that of HTTP, each against this machine's two minutes ahead."""

    def ahead():
        return datetime.now(UTC) + timedelta(minutes=2)

    database = Database(Secret.of(address(server, "app")))

    assert databases.look(database, ahead).ahead_seconds == pytest.approx(-120, abs=2)
    with pytest.raises(NotReady, match="s behind this machine's"):
        http_clock_agrees(f"{wire.url}/v1", ahead)
    assert http_clock_agrees(f"{wire.url}/v1") == "the same"


@pytest.mark.skipif(LIBFAKETIME is None, reason="libfaketime is not installed on this machine")
def test_a_clock_that_libfaketime_turns_is_told(place):
    """The whole command, two minutes ahead."""
    turned = {"LD_PRELOAD": str(LIBFAKETIME), "FAKETIME": "+120s"}
    status, told = place.told(carry_out=from_its_start, **turned)

    assert status == 1
    assert "Its clock agrees with the one of this machine" in told


def test_a_disk_without_room_is_told(tmp_path):
    """For a folder that is not there yet, too."""
    with pytest.raises(NotReady, match="are needed"):
        disk(tmp_path / "not" / "there", needed_bytes=2**60)


def test_what_is_outside_is_asked_in_earnest(place, wire, origin):
    """A key that is refused, a hook that is gone, a remote that takes no push, a lost service.

    And a third party that refuses the application's secret, with the variables of this host.
    """
    wire.on("GET", "/ping", Reply(401, {}))
    place.data |= {"third_parties": THIRD, "store_variables": {"AT": wire.url, "KEY": "k"}}
    wire.on("GET", "/v1/services", Reply(401, {}))
    wire.on("POST", "/hook", Reply(410, {}))
    origin.rename(origin.with_name("moved.git"))
    place.data["shop_service"] = "shop"

    status, told = place.told()

    assert status == 1
    assert told.keys() == {
        "Its key sees the workspace", "An alert arrives", "Its clone may push", "Render has `shop`",
        "No terraform undoes what is done on Render", "It takes the application's secret",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "told", "why"),
    [
        ([MEMBER | {"role": "WORKSPACE_VIEWER"}], "not good", "the role is WORKSPACE_VIEWER"),
        ([MEMBER | {"role": "WORKSPACE_CONTRIBUTOR"}], "not good", "which changes no services"),
        ([MEMBER | {"status": "inactive"}], "not good", "the membership is inactive"),
        ([MEMBER | {"email": "eve@example.test"}, "odd"], "not good", "none of its members has"),
        ({}, "not good", "none of its members has"),
        (None, "not told", "what the key may do in `tea-1` was not read"),
    ],
)
def test_a_key_that_may_only_look_is_found_before_the_night(place, wire, members, told, why):
    """By the role of its person in the workspace, for nothing is written to try it."""
    reply = Reply(404, {}) if members is None else Reply(200, members)
    wire.on("GET", "/v1/owners/tea-1/members", reply)

    status, found = place.told()

    assert status == 1
    assert found.keys() == {"Its key may change services"}
    assert found["Its key may change services"][0] == told
    assert why in found["Its key may change services"][1]


def test_a_workspace_of_one_person_has_no_roles(place, wire):
    """Its key is that person's, who may do everything there."""
    wire.on("GET", "/v1/owners/tea-1", Reply(200, {"id": "tea-1", "type": "user"}))
    wire.on("GET", "/v1/owners/tea-1/members", Reply(404, {}))

    assert place.told() == (0, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "no inventory"), ("hosts = []", "has no hosts"), ("1/0", "division by zero")],
)
def test_what_is_no_inventory_is_a_wrong_command(tmp_path, text, why):
    """Status 2, in words; it is not taken for a machine without faults."""
    if text is not None:
        (tmp_path / "x.py").write_text(text)

    ran = in_a_fork(["handrail", "doctor", "x.py"], tmp_path, dict(os.environ))

    assert ran.code == 2
    assert why in ran.errors
    assert "Traceback" not in ran.errors


TERRAFORM = """
terraform {
  required_providers {
    render = { source = "render-oss/render", version = "~> 1.7" }
  }
}
"""


def test_terraform_that_rules_services_on_render_is_found_in_the_repository(place, clone):
    """Its next apply undoes the night; who holds it is written down, and then it is good."""
    write(clone, "infra/main.tf", TERRAFORM)
    write(clone, "infra/dns.tf", 'resource "cloudflare_record" "www" {}\n')

    status, told = place.told()

    assert status == 1
    (ruled,) = told.values()
    assert ruled[0] == "not good"
    assert "infra/main.tf" in ruled[1]
    assert "dns.tf" not in ruled[1]
    place.data["terraform_held"] = "Ana, until Sunday"
    status, output = place.doctor()
    assert status == 0, output
    assert "held: Ana, until Sunday" in output


def test_a_blueprint_that_is_attached_is_told(place, wire):
    """With what it does at each push; the runbook pauses it, so a cutover could start."""
    place.data["service_source"] = {"repo": "https://github.com/ours/app", "branch": "main"}
    blueprint = {
        "id": "exs-1", "name": "whole app", "repo": "git@github.com:ours/app.git",
        "branch": "main", "autoSync": True,
    }  # fmt: skip
    wire.on("GET", "/v1/blueprints", Reply(200, [{"cursor": "c", "blueprint": blueprint}]))

    status, output = place.doctor()

    assert status == 0, output
    assert "`whole app` syncs at every push" in output


def test_databases_that_an_inventory_calls_source_and_destination_are_asked(place):
    """As the runbooks call them."""
    place.data["source"] = place.data.pop("shop_database")
    place.data["destination"] = "env:NOWHERE"
    place.secrets["NOWHERE"] = "postgresql://app@127.0.0.1:1/nothing"

    status, output = place.doctor()

    assert status == 1
    assert "shop: source" in output
    assert "shop: destination" in output


def write(clone, path, text):
    """Commit a file and push it."""
    file = clone / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    for words in (["add", "-A"], ["commit", "-qm", "a file"], ["push", "-q", "origin", "main"]):
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.test"]
        subprocess.run(["git", "-C", str(clone), *identity, *words], check=True)


def test_it_goes_on_asking_and_tells_what_turned_red_once(place, wire):
    """Each round is in the ledger; the trial alert is sent in the first round alone."""
    place.data |= {
        "environment": "shop",
        "guarded": True,
        "notify": [{"webhook": "env:HOOK"}],
    }

    status, output = place.doctor("--every", "1s", "--times", "2")

    assert status == 1
    assert output.count("no drill proves the plan") == 1
    sent = [seen.json() for seen in wire.requests("POST", "/hook")]
    assert [each.get("event") for each in sent] == [None, "doctor.red"]
    (ledger,) = place.folder.rglob("shop.sqlite")
    rounds = SqliteLedger(ledger).entries()
    assert [each.event for each in rounds] == ["doctor.asked"] * 2
    assert rounds[0].body["red"][0]["claim"] == "the drill: It is young enough"
    assert audit(ledger, "").good


def test_a_way_back_is_reckoned_for_the_rows_of_today():
    """What carried rows in the drill takes three times as long where there are three times more."""
    timed = [Timed("1", "shop", "data.load", 9.0, 300.0, 9.0, 1000),
             Timed("2", "shop", "env.put", 1.0, 60.0, 1.0, None)]  # fmt: skip
    proof = Proof(
        "d", "cutover", "staging", ("a", "b", "c"), "", {}, {}, 1000, 2, {}, (*timed,), ""
    )

    assert "6.0 min" in way_back_fits(15, 1000, proof)
    assert "6.0 min" in way_back_fits(15, 0, proof)
    with pytest.raises(NotReady, match=r"16\.0 min by d, of 15 min allowed; 3000 rows now, 1000"):
        way_back_fits(15, 3000, proof)


@pytest.mark.parametrize("span", ["30", "m", "0s", "soon"])
def test_a_span_that_cannot_be_read_is_a_wrong_command(place, span):
    """Nothing is asked."""
    assert place.doctor("--every", span) == (2, "")

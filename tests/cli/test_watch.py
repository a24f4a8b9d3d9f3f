"""The second terminal and the live page: what goes on, who is at work, and nothing is changed."""

import asyncio
import json
import re
import subprocess
from contextlib import contextmanager

import pytest
import requests

from handrail.cli.serve import Page
from handrail.ledger.errors import RunbookError
from handrail.testing.lab import until
from tests.clients.conftest import Reply, Wire
from tests.engine.lab.bench import Bench

PATIENT = 'steps.patient(path=f"{room}/p", task="1", name="Be patient")'


@pytest.fixture(name="lab")
def _lab(tmp_path):
    with Bench(tmp_path / "lab") as bench:
        yield bench


@contextmanager
def at_work(lab):
    """Let a run be in the middle of its step."""
    lab.runbook(PATIENT)
    process = lab.start()
    until(lambda: lab.journal() == ["wait p"])
    try:
        yield process
    finally:
        lab.put("enough")
        process.wait(60)


def started(lab, command):
    """Start a command whose output is read."""
    where = {"cwd": lab.folder, "env": lab.env}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **where)


@contextmanager
def served(lab, *options):
    """Serve the live page; yield its address, as it was printed."""
    command = ["handrail", "serve", "--port", "0", "--ledger", str(lab.ledger), *options]
    process = subprocess.Popen(
        command, cwd=lab.folder, env=lab.env, stdout=subprocess.PIPE, text=True
    )
    try:
        yield re.match(r"http://\S+", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def watch(lab, *options):
    """Look once."""
    return lab.handrail("watch", "--once", *options)


def test_a_step_at_work_is_running_and_not_in_doubt_while_its_owner_lives(lab):
    """With who is at work and for how long; the same as JSON."""
    with at_work(lab) as process:
        seen = watch(lab)
        found = json.loads(watch(lab, "--json").said)

    assert re.search(r"^ +running +1 +one +Be patient", seen.said, re.MULTILINE)
    assert "doubt" not in seen.said
    assert f"process {process.pid}: at work" in seen.said
    assert (found["at_work"], found["owner"]["pid"]) == (True, process.pid)
    assert [each["task"] for each in found["running"]] == ["1"]
    assert found["tasks"][0]["state"] == "running"


def test_a_dead_owner_leaves_a_doubt(lab):
    """And nobody is at work."""
    lab.runbook('steps.die(path=f"{room}/p", text="1", task="1")')
    assert lab.run().code == -9

    seen = watch(lab)
    status = lab.handrail("status")

    assert "Interrupted: 1 on one; nobody is at work on it." in status.said
    assert "At work" not in status.said
    assert seen.code == 1
    assert "started, in doubt" in seen.said
    assert "Interrupted: 1 on one" in seen.said
    assert "At work" not in seen.said
    assert "gone, heard of" in seen.said


def test_it_ends_when_the_run_does(lab):
    """Without a terminal a line for each change; 0 where the run is proven."""
    with at_work(lab):
        command = ["handrail", "watch", "--every", "0.1", "--ledger", str(lab.ledger)]
        told = subprocess.Popen(
            command, cwd=lab.folder, env=lab.env, stdout=subprocess.PIPE, text=True
        )
        first = told.stdout.readline()
    rest = told.communicate(timeout=60)[0]

    assert "0 of 1 task done" in first
    assert "1/1  proven" in rest.splitlines()[-1]
    assert told.returncode == 0


def test_the_live_page_shows_the_run_and_its_changes(lab):
    """Nothing is fetched from elsewhere, and each event is the page's body as it is then."""
    with at_work(lab), served(lab) as address:
        page = requests.get(address, timeout=30)
        with requests.get(f"{address}events", timeout=30, stream=True) as events:
            lines = events.iter_lines(decode_unicode=True)
            first = json.loads(next(each for each in lines if each.startswith("data:"))[5:])
            lab.put("enough")
            last = next(each for each in lines if each.startswith("data:") and "proven" in each)
        as_json = requests.get(f"{address}live.json", timeout=30).json()

    assert "running" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=.?http", page.text)
    assert "Be patient" in first
    assert "1 of 1 task done" in last
    assert as_json["outcome"] == "proven"


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("", {"headers": {"Host": "evil.example"}}, 421),
        ("", {"headers": {"Host": "evil.example:80"}}, 421),
        ("nowhere", {}, 404),
    ],
)
def test_only_this_machine_is_served(lab, path, more, status):
    """A page of somebody else's cannot have the browser read this one by another name."""
    lab.runbook('steps.place(path=f"{room}/p", text="1", task="1")')
    lab.run()
    with served(lab) as address:
        assert requests.get(f"{address}{path}", timeout=30, **more).status_code == status
        assert requests.post(address, timeout=30).status_code == 405


def test_another_address_asks_for_the_key(lab):
    """It stands in the address that is printed, and leaves it at once."""
    lab.runbook('steps.place(path=f"{room}/p", text="1", task="1")')
    lab.run()
    with served(lab, "--host", "0.0.0.0") as address:
        here = address.replace("0.0.0.0", "127.0.0.1")
        bare = here.partition("?")[0]
        refused = requests.get(bare, timeout=30)
        visit = requests.Session().get(here, timeout=30)
        wrong = requests.get(f"{bare}?key=wrong", timeout=30)

    assert (refused.status_code, wrong.status_code) == (403, 403)
    assert visit.status_code == 200
    assert "key" not in visit.url


def asked(page, query="", cookie=""):
    """Ask a page; return the answer's status and headers."""
    told = []

    async def send(part):
        told.append(part)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(),
             "headers": [(b"cookie", cookie.encode())]}  # fmt: skip
    asyncio.run(page(scope, None, send))
    return told[0]["status"], dict(told[0]["headers"])


def test_a_key_of_any_characters_lets_in_and_a_lost_ledger_is_told():
    """As it stands in the address, and in the cookie that takes its place."""

    def lost():
        raise RunbookError("the ledger was not read", "it is gone", "bring it back")

    page = Page(lost, 'a b;ü&"', ())

    status, headers = asked(page, "key=a%20b%3B%C3%BC%26%22")

    assert status == 303
    assert asked(page, cookie=headers[b"set-cookie"].decode().partition(";")[0])[0] == 503
    assert asked(page)[0] == asked(page, "key=%C3%BC")[0] == 403


def test_no_run_is_told_before_anything_is_served(lab):
    """A name that is not right ends the command."""
    lab.runbook('steps.place(path=f"{room}/p", text="1", task="1")')
    lab.run()
    for command in ("watch", "serve"):
        ran = lab.handrail(command, "nothing")
        assert ran.code == 2
        assert "nothing" in ran.said


def test_silence_is_told_from_another_machine(lab, tmp_path):
    """Whoever carried the run out is gone: a webhook hears of it, under a key of its own."""
    hook = Wire()
    hook.on("POST", "/news", Reply(200, {}))
    (tmp_path / "hook").write_text(f"{hook.url}/news")
    (tmp_path / "hook").chmod(0o600)
    lab.runbook('steps.die(path=f"{room}/p", text="1", task="1")')
    assert lab.run().code == -9

    seen = watch(lab, "--notify", f"file:{tmp_path / 'hook'}")
    hook.close()

    assert seen.code == 1
    assert [each.json()["event"] for each in hook.requests("POST", "/news")] == ["run.silent"]

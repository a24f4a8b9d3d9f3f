"""The night, end to end: killed midway, resumed, used, rolled back to Node, used again.

The tests of this module are one story and run in its order, in one world.
"""

import itertools
import json
import sqlite3
import subprocess
import time

import pytest
import requests

from tests.e2e.night import Night
from tests.rehearsal.layout import Layout

DJANGO_LOGIN, LEGACY_LOGIN = "/api/v1/auth/login", "/api/auth/login"
AS_FOUND = ("rotc_backend", "client", "package.json", "render.yaml", "docs", "README.md")
REASON = "reason=users see errors"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    story = Night(Layout(tmp_path_factory.mktemp("night") / "world"))
    story.up(rows=300)
    story.as_found = {path: story.tip(path) for path in AS_FOUND}
    yield story
    story.down()


def entries(night):
    return [json.loads(line) for line in night.runbook("export")[1].splitlines()]


def test_planning_writes_nothing_and_names_every_task(night):
    """A dry run shows each call and why it would run, and leaves no ledger behind."""
    code, said = night.run("cutover", dry=True)
    assert code == 0
    assert "would run" in said
    assert "Stop writes on the legacy database" in said
    assert not night.ledger.exists()
    assert {path: night.tip(path) for path in AS_FOUND} == night.as_found


def test_a_killed_cutover_resumes_with_the_same_command(night):
    """SIGKILL in the middle of a deploy, then the same command: every step proven."""
    night.run_and_kill(
        "cutover", when=lambda states: states.get(("4", "production")) == "started"
    )
    assert night.runbook("status")[0] == 1
    code, said = night.run("cutover")
    assert code == 0, said[-3000:]
    assert "steps proven." in said
    assert set(night.states().values()) <= {"changed", "unchanged"}


def test_each_effect_happened_once(night):
    """Over both attempts, no settled step acted again, and no task made two commits."""
    proven = [entry for entry in entries(night) if entry["event"] == "step.changed"]
    acted = [(entry["task"], entry["target"]) for entry in proven]
    assert len(acted) == len(set(acted))
    trailers = subprocess.run(
        ["git", "log", "main", "--format=%(trailers:key=Runbook-Task,valueonly)"],
        cwd=night.layout.origin,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert sorted(trailers) == sorted(set(trailers))


def test_a_takeover_from_the_killed_process_is_on_record(night):
    """The lease of the dead process was taken over, and the ledger says why."""
    taken = [entry for entry in entries(night) if entry["event"] == "lock.taken_over"]
    assert len(taken) == 1
    assert "gone" in taken[0]["reason"]


def test_users_sign_in_to_django_with_their_own_passwords(night):
    """Every known account, of each kind of bcrypt hash, signs in; a wrong password does not."""
    for account in night.canaries():
        url = night.production["web_url"]
        assert night.sign_in(url, DJANGO_LOGIN, account).status_code == 200, account["username"]
        wrong = account | {"password": "not the password"}
        assert night.sign_in(url, DJANGO_LOGIN, wrong).status_code == 401


def test_the_frontend_uses_django(night):
    """What browsers get names the Django services and the new API."""
    config = night.frontend_config()
    assert config["apiUrl"] == night.production["web_url"]
    assert config["apiPrefix"] == "/api/v1"


def test_the_legacy_side_takes_no_writes(night):
    """A message sent to the legacy backend is refused, and the backend stays up."""
    url = f"{night.production['legacy_url']}/api/messages"
    answer = requests.post(url, json={"subject": "late", "message": "too late"}, timeout=20)
    assert answer.status_code == 503


def test_a_finished_run_changes_nothing_when_it_is_run_again(night):
    """All unchanged, no step entry, exit 0."""
    before = [entry for entry in entries(night) if entry["event"].startswith(("step", "gate"))]
    began = time.monotonic()
    code, said = night.run("cutover")
    night.again_seconds = time.monotonic() - began
    after = [entry for entry in entries(night) if entry["event"].startswith(("step", "gate"))]
    assert code == 0, said[-3000:]
    assert after == before


def test_a_row_written_on_django_is_there_to_be_kept(night):
    """Users write on Django after the switch; the rollback must not lose it silently."""
    account = next(each for each in night.canaries() if each["role"] == "admin")
    url = night.production["web_url"]
    token = night.sign_in(url, DJANGO_LOGIN, account).json()["access"]
    made = requests.post(
        f"{url}/api/v1/training-days/",
        json={"date": "2026-10-04", "title": "Written after the switch"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    )
    assert made.status_code == 201


def test_a_rollback_is_refused_without_a_reason(night):
    """The ledger keeps why; without it nothing starts."""
    code, said = night.run("rollback", "run=latest")
    assert code == 1
    assert "a rollback needs a reason" in said


def test_a_killed_rollback_resumes_and_goes_back_to_the_end(night):
    """SIGKILL during the way back, then the same command: every receipt settled."""
    run = json.loads(night.runbook("status", "--json")[1])["run"]
    night.run_and_kill(
        "rollback",
        f"run={run}",
        REASON,
        when=lambda states: "rolled_back" in states.values() and "started" in states.values(),
    )
    code, said = night.run("rollback", f"run={run}", REASON)
    assert code == 0, said[-3000:]
    listed = json.loads(night.runbook("runs", "--json")[1])["runs"]
    runs = {each["run"]: each for each in listed}
    assert runs[run]["outcome"] == "rolled_back"
    again, said = night.run("rollback", f"run={run}", REASON)
    assert again == 1
    assert "rolled back already" in said


def test_users_are_served_by_node_again(night):
    """Sign-in, a write, and the frontend as it was."""
    url = night.production["legacy_url"]
    for account in night.canaries():
        assert night.sign_in(url, LEGACY_LOGIN, account).status_code == 200, account["username"]
    wrote = requests.post(
        f"{url}/api/messages", json={"subject": "back", "message": "again"}, timeout=20
    )
    assert wrote.status_code == 201
    config = night.frontend_config()
    assert config["apiUrl"] == url
    assert config["apiPrefix"] == "/api"


def test_the_repository_reads_as_it_was_found(night):
    """The commits are reverted, not removed; every file reads as before."""
    assert {path: night.tip(path) for path in AS_FOUND} == night.as_found


def test_django_serves_nobody_and_keeps_its_state(night):
    """Its services are suspended, its rows exported, its database kept under another name."""
    assert requests.get(f"{night.production['web_url']}/api/health", timeout=20).status_code == 503
    target = night.layout.target("production")
    kept = itertools.chain.from_iterable(
        path.rglob("*.ndjson") for path in target.rglob("written-since-the-load")
    )
    assert any("Written after the switch" in path.read_text() for path in kept)


def test_the_ledger_is_whole(night):
    """The chain verifies, independently of what wrote it."""
    assert night.runbook("verify")[0] == 0


def test_no_secret_was_shown_or_recorded(night):
    """No output, no ledger entry, no log line and no report holds a secret's value."""
    with sqlite3.connect(night.ledger) as db:
        recorded = "\n".join(db.iterdump())
    db.close()
    report = night.layout.directory / "report.html"
    night.runbook("report", "--html", str(report))
    log = night.ledger.with_suffix(".log").read_text(encoding="utf-8")
    shown = [*night.said, recorded, log, report.read_text(encoding="utf-8")]
    names = ("render_key", "legacy_database", "django_database", "redis", "cloudinary_secret")
    secrets = [night.secret(name) for name in names]
    secrets += [account["password"] for account in night.canaries()]
    for secret in secrets:
        assert not any(secret in text for text in shown)

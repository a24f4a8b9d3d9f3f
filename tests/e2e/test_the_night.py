"""The night, end to end: killed midway, resumed, used, rolled back to Node, used again.

The tests of this module are one story and run in its order, in one world.
"""

import itertools
import json
import re
import sqlite3
import subprocess
import threading
from contextlib import contextmanager

import psycopg
import pytest
import requests
import yaml
from rehearsal.binaries import find_browser
from rehearsal.layout import Layout
from rehearsal.lifecycle import ROOT

from handrail.clients.accounts import Accounts
from handrail.clients.app import Application, Profile
from handrail.clients.browser import Browser, visit
from handrail.clients.secret import Secret
from tests.e2e.night import Night

README = ROOT / "README.md"
DJANGO_LOGIN, LEGACY_LOGIN = "/api/v1/auth/login", "/api/auth/login"
AS_FOUND = ("rotc_backend", "client", "package.json", "render.yaml", "docs", "README.md")
CUTOVER = "./run pyinfra -y inventory/rehearsal.py runbooks/cutover.py"
PLAN = "./run pyinfra inventory/rehearsal.py runbooks/cutover.py --dry"
RELEASE = "./run pyinfra -y inventory/rehearsal.py runbooks/release.py"
ROLLBACK = "./run pyinfra -y inventory/rehearsal.py runbooks/rollback.py"
ROLLBACK_PLAN = "./run pyinfra inventory/rehearsal.py runbooks/rollback.py"
VIEWS = "rotc_backend/apps/accounts/views.py"  # where a login is answered
PROFILE = ROOT / "inventory" / "rotc.profile.yaml"
# A message to the administrators stays in the table; here that is nobody's.
NODE_LIVE = {
    "cause": "/api/messages",
    "body": {"subject": "{word}", "message": "hello"},
    "id": {"absent": "messages are not deleted"},
    "shows": "ul li",
}
WATCHED = ("11.3", "gate.passed")
OWN_READS = "our own reads"
CLOCK = r"\d\d:\d\d:\d\d"
REASON = ' --data reason="rehearsed"'


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return the world of this story, and stop it at the end."""
    story = Night(Layout(tmp_path_factory.mktemp("night") / "world"))
    yield story
    story.run("./run rehearse --stop")


class Writer:
    """What a user wrote on Node: the address of each cadet that it accepted last."""

    def __init__(self):
        self.accepted, self.number, self.refused = {}, 0, False


@contextmanager
def written_on_node(night):
    """Let a user edit cadets through the legacy backend all the time, until it refuses that."""
    url, writer, stop = night.production["legacy_url"], Writer(), threading.Event()
    account = next(each for each in night.canaries() if each["role"] == "admin")
    token = night.sign_in(url, LEGACY_LOGIN, account).json()["token"]
    with psycopg.connect(night.secret("legacy_database")) as session:
        cadets = [row[0] for row in session.execute("select id from cadets order by id limit 5")]

    def write():
        for number, cadet in enumerate(itertools.cycle(cadets)):
            answer = requests.patch(
                f"{url}/api/cadets/{cadet}",
                json={"address": f"street {number}"},
                headers={"Authorization": f"Bearer {token}"},
                timeout=20,
            )
            if answer.status_code == 503:
                writer.refused = True
                return
            assert answer.status_code == 200, answer.text
            writer.accepted[cadet], writer.number = f"street {number}", number
            if stop.wait(0.5):
                return

    user = threading.Thread(target=write)
    user.start()
    try:
        yield writer
    finally:
        stop.set()
        user.join()


def in_a_browser(night, system):
    """Let a real browser use production's frontend; return what was seen there."""
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine, or no playwright to drive it")
    profile = night.layout.directory.parent / "browsed.profile.yaml"
    described = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    described["systems"]["legacy"]["frontend"]["live"] = NODE_LIVE
    profile.write_text(yaml.safe_dump(described), encoding="utf-8")
    found = Profile.from_inventory(profile)
    url = night.production["legacy_url" if system == "legacy" else "web_url"]
    account = Accounts(Secret(f"file:{night.layout.secret('production', 'canaries')}"))
    seen = visit(
        Browser(program), night.production["frontend_url"],
        Application(url, found.system(system)), found, system, account.administrator(), 30,
    )  # fmt: skip
    assert seen.wrong or seen.rows > 0
    return {"wrong": seen.wrong, "live": seen.live, "asked_again": seen.asked_again}


def entries(night):
    """Return every entry of the ledger."""
    return [json.loads(line) for line in night.run("handrail export")[1].splitlines()]


def first_commit(night):
    """Return the commit that the app was found at."""
    found = subprocess.run(
        ["git", "rev-list", "--max-parents=0", "main"],
        cwd=night.layout.origin,
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def test_a_rehearsal_that_is_killed_says_so(night):
    """SIGKILL in the middle of a deploy: the command ends badly, the world stays."""
    code = night.run_and_kill(
        "./run rehearse --keep --rows 300",
        when=lambda states: states.get(("4", "production")) == "started",
    )
    assert code != 0
    assert night.run("handrail status")[0] == 1
    night.as_found = {path: night.tip(path, first_commit(night)) for path in AS_FOUND}


def test_somebody_at_a_browser_works_on_node(night):
    """Signs in, sees rows and a message that arrives, and is asked again when the session ends."""
    assert in_a_browser(night, "legacy") == {"wrong": "", "live": True, "asked_again": True}


def test_planning_writes_nothing_and_says_what_would_happen(night):
    """A dry run of the interrupted cutover: ledger and repository stay as they are."""
    before = night.ledger.read_bytes(), night.tip("rotc_backend")
    code, said = night.run(PLAN)
    assert code == 0, said[-3000:]
    assert "Stop writes on the legacy database" in said
    assert "To before-the-night, users-back: Users work with Node" in said
    assert "The legacy database refuses writes from 9.0.2 until 11.2 is done" in said
    assert "unchanged" in said
    assert "would run again" in said or "would adopt" in said
    assert (night.ledger.read_bytes(), night.tip("rotc_backend")) == before


def test_the_doctor_finds_that_a_cutover_could_start(night):
    """Secrets, roles, servers, clocks, disk, keys, remotes and alerts, all of them good."""
    code, said = night.run("handrail doctor inventory/rehearsal.py")
    assert code == 0, said[-3000:]
    assert "a cutover could start" in said


def test_the_same_command_resumes(night):
    """After the kill the same command carries the cutover to its end: every step proven.

    Users write on Node all the while, until the freeze refuses them. Render has no figures of
    requests: they need a paid workspace.
    """
    night.render("POST", "/_faults", http_metrics=False)
    asked = night.render("GET", "/_calls")["calls"]
    with written_on_node(night) as writer:
        code, said = night.run(CUTOVER)
    assert code == 0, said[-3000:]
    night.asked = night.render("GET", "/_calls")["calls"] - asked
    assert writer.refused, "the freeze refused nobody"
    frozen = rf"\[\d+/\d+\] 9\.0\.2 production  Stop writes on the legacy database  {CLOCK}"
    assert re.search(frozen + r".*\n(?:.*\n){0,6}?        changed in ", said)
    assert "Skipped" not in said, "targets that a call is not for are not printed"
    night.written = writer
    assert "steps proven." in said
    assert set(night.states().values()) <= {"changed", "unchanged"}


def test_what_node_accepted_last_is_in_django(night):
    """Also in the last moment before the freeze: the rows moved while they were written."""
    assert night.written.number > 5
    with psycopg.connect(night.secret("django_database")) as session:
        rows = session.execute(
            "select id, address from cadets where id = any(%s)", [list(night.written.accepted)]
        )
        assert dict(rows.fetchall()) == night.written.accepted


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


def test_somebody_at_a_browser_works_on_django(night):
    """With the password of before: rows, a message that arrives, the login when a session ends."""
    assert in_a_browser(night, "django") == {"wrong": "", "live": True, "asked_again": True}


def test_the_legacy_side_takes_no_writes(night):
    """A message sent to the legacy backend is refused, and the backend stays up."""
    url = f"{night.production['legacy_url']}/api/messages"
    answer = requests.post(url, json={"subject": "late", "message": "too late"}, timeout=20)
    assert answer.status_code == 503


def test_a_finished_run_changes_nothing_when_it_is_run_again(night):
    """All unchanged, no step entry, exit 0."""
    before = [entry for entry in entries(night) if entry["event"].startswith(("step", "gate"))]
    code, said = night.run(CUTOVER)
    after = [entry for entry in entries(night) if entry["event"].startswith(("step", "gate"))]
    assert code == 0, said[-3000:]
    assert after == before


def test_the_published_rollback_document_is_the_generated_one(night):
    """Each way back that the command prints stands in it, and no other."""
    show = ["git", "show", "main:docs/ROLLBACK.md"]
    published = subprocess.run(
        show, cwd=night.layout.origin, capture_output=True, text=True, check=True
    ).stdout
    told = night.handrail("document", "rollback")[1]

    row = re.compile(r"^\| (\d[\d.]* \| \w+ \| .*?) \| ", re.MULTILINE)
    assert len(row.findall(told)) > 40
    assert sorted(row.findall(published)) == sorted(row.findall(told))


def test_the_watch_goes_by_our_own_reads_where_render_has_no_figures(night):
    """That there will be none is told before the night; each look measures all the same."""
    told = [entry for entry in entries(night) if entry["task"] in ("9.0.1.4", "11.3")]
    before = next(entry for entry in told if entry["event"] == "gate.passed")
    assert before["body"]["facts"]["source"] == OWN_READS
    looks = [entry["body"]["sample"] for entry in told if entry["event"] == "gate.sampled"]
    assert {look["source"] for look in looks} == {OWN_READS}
    assert sum(look["requests"] for look in looks) >= 20
    passed = next(entry for entry in told if (entry["task"], entry["event"]) == WATCHED)
    assert f"({OWN_READS}; Render has no figures)" in json.dumps(passed)


def test_render_was_asked_within_its_limits(night):
    """Limits are on all night; the command that carried it to its end asked 400 times at most."""
    assert night.asked <= 400
    told = night.render("GET", "/_calls")
    assert told["calls"] < 700, told
    assert told["most_reads_a_minute"] <= 400
    assert told["limited"] == 0


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


def test_a_release_whose_gate_is_red_goes_back_by_itself(night):
    """Killed in its deploys and resumed; nobody can sign in, so what ran before runs again."""
    night.cutover = json.loads(night.handrail("status", "--json")[1])["run"]
    before = night.running()
    night.push(VIEWS, lambda text: text.replace('"access":', '"acces":'), "break the login")
    assert (
        night.run_and_kill(RELEASE, when=lambda now: now.get(("R5", "production")) == "started")
        != 0
    )
    code, said = night.run(RELEASE)
    assert code == 1
    assert "no token at `access`" in said
    release, back = json.loads(night.handrail("runs", "--json")[1])["runs"][-2:]
    assert (release["outcome"], back["undoes"]) == ("rolled_back", release["run"])
    assert night.running() == before
    for account in night.canaries():
        assert night.sign_in(night.production["web_url"], DJANGO_LOGIN, account).ok


def test_the_next_release_is_proven_and_can_be_taken_back(night):
    """It is a run of its own; taken back, the services run what the cutover left."""
    before = night.running()
    mended = '"access":  # mended\n '
    night.push(VIEWS, lambda text: text.replace('"acces":', mended), "mend the login")
    code, said = night.run(RELEASE)
    assert code == 0, said[-3000:]
    assert len(set(night.running().values()) - set(before.values())) == 1
    assert night.run(f"{ROLLBACK_PLAN} --data run=latest{REASON} --dry")[0] == 0
    code, said = night.run(f"{ROLLBACK} --data run=latest{REASON}")
    assert code == 0, said[-3000:]
    assert night.running() == before
    night.push(VIEWS, lambda text: text.replace(mended, '"access":'), "as it was")


def test_a_rollback_is_refused_without_a_reason(night):
    """The ledger keeps why; without it nothing starts."""
    code, said = night.run(f"{ROLLBACK} --data run={night.cutover}")
    assert code == 1
    assert "a rollback needs a reason" in said


def test_a_rollback_is_planned_before_it_is_done(night):
    """The dry run names every receipt, newest first, and changes nothing."""
    before = night.ledger.read_bytes()
    code, said = night.run(f"{ROLLBACK_PLAN} --data run={night.cutover}{REASON} --dry")
    assert code == 0, said[-3000:]
    frontend = said.index("Give browsers the frontend that they had")
    thaw = said.index("Let the legacy database take writes again")
    assert frontend < thaw
    told = " ".join(said.split())  # lines end where the screen does
    assert "Is lost: with 8.6 on production: rows that users wrote on Django are exported" in told
    assert "Expected: not measured yet." in told
    assert night.ledger.read_bytes() == before


def test_a_killed_rollback_resumes_and_goes_back_to_the_end(night):
    """SIGKILL during the way back, then the same command: every receipt put back."""
    rollback = f"{ROLLBACK} --data run={night.cutover}{REASON}"
    night.run_and_kill(
        rollback,
        when=lambda states: "rolled_back" in states.values() and "started" in states.values(),
    )
    code, said = night.run(rollback)
    assert code == 0, said[-3000:]
    listed = json.loads(night.handrail("runs", "--json")[1])["runs"]
    assert {each["run"]: each["outcome"] for each in listed}[night.cutover] == "rolled_back"


def test_a_rolled_back_run_is_not_rolled_back_again(night):
    """There is nothing left to undo, and the refusal says so."""
    code, said = night.run(f"{ROLLBACK} --data run={night.cutover}{REASON}")
    assert code == 1
    assert "already rolled back" in said


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


def test_somebody_at_a_browser_works_on_node_again(night):
    """As before the night."""
    assert in_a_browser(night, "legacy") == {"wrong": "", "live": True, "asked_again": True}


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


def test_the_handrail_command_tells_the_story(night):
    """Each way to look into the ledger works, and the chain verifies."""
    listed = json.loads(night.handrail("runs", "--json")[1])["runs"]
    assert night.run("handrail runs")[0] == 0
    assert night.run(f"handrail show {listed[0]['run']}")[0] == 0
    assert night.run("handrail verify")[0] == 0
    assert night.run("handrail mapping --help")[0] == 0
    report = night.layout.directory / "report.html"
    assert night.run(f"handrail report {listed[0]['run']} --html {report}")[0] == 0


def test_the_report_tells_what_a_change_board_asks(night):
    """How long users could not write, every table before and after, what the plan asks for."""
    run = json.loads(night.handrail("runs", "--json")[1])["runs"][0]["run"]
    told = json.loads(night.handrail("report", run, "--json")[1])

    assert told["summary"]["freeze_seconds"] > 0
    assert told["summary"]["felt"] == ["users read, and cannot write"]
    assert len({each["table"] for each in told["counts"]}) >= 19
    assert all(each["equal"] for each in told["counts"])
    assert {each["table"] for each in told["kept_out"]}
    assert {"1.6", "9.5", "10.1"} <= {each["id"] for each in told["requirements"]}
    assert all(each["machine"] and each["inventory_sha256"] for each in told["attempts"])
    restore = night.handrail("document", "backups", run)[1]
    assert restore.count("pg_restore --exit-on-error") >= 3
    assert night.handrail("document", "completion", run)[0] == 0


def test_no_secret_was_shown_or_recorded(night):
    """No output, no ledger entry, no log line and no report holds a secret's value."""
    with sqlite3.connect(night.ledger) as db:
        recorded = "\n".join(db.iterdump())
    db.close()
    report = night.layout.directory / "report.html"
    log = night.ledger.with_suffix(".log").read_text(encoding="utf-8")
    shown = [*night.said, recorded, log, report.read_text(encoding="utf-8")]
    names = ("render_key", "legacy_database", "django_database", "redis", "cloudinary_secret")
    secrets = [night.secret(name) for name in names]
    secrets += [account["password"] for account in night.canaries()]
    for secret in secrets:
        assert not any(secret in text for text in shown)


def test_every_command_of_the_readme_was_run(night):
    """What the README tells a stranger to type was typed here, with the rehearsal's inventory."""
    night.run("./run rehearse --stop")
    ours = {shape(line) for line in night.typed}
    for line in README.read_text(encoding="utf-8").splitlines():
        told = re.match(r" {4}((?:\./run|pyinfra|handrail) .*)", line)
        if told and shape(told[1]) not in ours | {"./run test"}:
            raise AssertionError(f"the README's `{told[1]}` is run by no test")


def shape(line):
    """Return a command without what differs between one night and another."""
    line = re.sub(r"\s{2,}.*", "", line).removeprefix("./run pyinfra ").removeprefix("pyinfra ")
    line = re.sub(r"inventory/\w+\.py", "INVENTORY", line)
    line = re.sub(r'reason="[^"]*"', "REASON", line)
    line = re.sub(r"(cutover|rollback)-\w+", "RUN", line)
    line = re.sub(r"--html \S+", "--html FILE", line)
    words = [word for word in line.split() if word not in {"-y", "--keep", "--rows", "300"}]
    return " ".join(words)

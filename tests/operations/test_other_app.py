"""The gates assume nothing: an application unlike ours passes by its profile alone."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rehearsal
import requests
import yaml
from rehearsal.binaries import find_browser
from rehearsal.other_app import PASSWORD

from handrail.engine import arguments as values
from handrail.engine.clause import ask
from handrail.engine.finding import Verdict
from tests.operations.gates import gates
from tests.operations.laws import RUN

PROFILE = Path(rehearsal.__file__).with_name("other_app.profile.yaml")
MORE = {
    "smoke.health": {"timeout_seconds": 1, "poll_seconds": 1},
    "smoke.records_round_trip": {"tables": ["cadets", "audit_logs"]},
    "smoke.task_is_done": {"timeout_seconds": 5},
    "smoke.notification_arrives": {"timeout_seconds": 5},
    "smoke.frontend_reaches_backend": {"frontend_url": "https://front.example.org"},
    "monitor.reads_are_quick": {"requests": 5, "max_p95_seconds": 5},
    "smoke.accounts_sign_in": {},
    "smoke.upload_is_served": {},
    "smoke.users_work_in_a_browser": {"timeout_seconds": 4},
}
BROWSED = {"smoke.users_work_in_a_browser"}
BROWSER = find_browser()


@pytest.fixture(scope="module")
def url():
    """The address of the other application, served by daphne for real."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        [*command, "rehearsal.other_app:application"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                requests.get(f"{address}/status", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


def asked(name, url, tmp_path, profile=PROFILE, password=PASSWORD, seconds=None):
    """Ask a gate of the other application once, as the engine does."""
    if name in BROWSED and BROWSER is None:
        pytest.skip("no Chromium on this machine, or no playwright to drive it")
    account = {"username": "admin", "password": password, "role": "admin"}
    canaries = tmp_path / "canaries"
    canaries.write_text(json.dumps([account]))
    given = {
        "profile": str(profile),
        "system": "only",
        "canaries": f"file:{canaries}",
        "web_url": url,
        **({"frontend_url": url, "browser": {"program": BROWSER}} if name in BROWSED else {}),
        **({"channels_url": url} if name == "smoke.notification_arrives" else {}),
    }
    contract = gates()[name]
    more = MORE[name] | ({"timeout_seconds": seconds} if seconds else {})
    return ask(contract.ensures, values.revive(contract, given | more, "1", RUN))


@pytest.mark.parametrize("name", MORE)
def test_a_gate_passes_by_the_profile_alone(name, url, tmp_path):
    """Nothing about path, body, token, role, page, status or message is built in."""
    found = asked(name, url, tmp_path)

    assert found.passed, found


@pytest.mark.parametrize("name", sorted(set(MORE) - {"smoke.health"}))
def test_a_gate_does_not_pass_with_a_wrong_password(name, url, tmp_path):
    """What passes above is looked at, not taken for granted."""
    found = asked(name, url, tmp_path, password="wrong")

    assert not found.passed


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("smoke.health", "health"),
        ("smoke.records_round_trip", "records"),
        ("smoke.upload_is_served", "upload"),
        ("smoke.task_is_done", "task"),
        ("smoke.notification_arrives", "socket"),
        ("monitor.reads_are_quick", "reads"),
        ("smoke.users_work_in_a_browser", "frontend"),
    ],
)
def test_what_an_application_does_not_have_is_said_by_its_gate(name, entry, url, tmp_path):
    """It passes, with the profile's own reason on record."""
    described = yaml.safe_load(PROFILE.read_text())
    described["systems"]["only"][entry] = {"absent": "we have none"}
    profile = tmp_path / "p.yaml"
    profile.write_text(yaml.safe_dump(described))

    found = asked(name, url, tmp_path, profile)

    assert found.passed
    assert "the profile says that there is no" in found.why
    assert "we have none" in found.why


def test_an_application_with_nothing_but_its_sign_in_passes_every_gate(url, tmp_path):
    """Each says what there is not, and opens; the sign-in alone is looked at."""
    described = yaml.safe_load(PROFILE.read_text())
    only = described["systems"]["only"]
    left_out = ("message", "health", "records", "upload", "task", "socket", "frontend", "reads")
    only.update({entry: {"absent": "we have none"} for entry in left_out})
    only["sign_ins"][0]["role"] = {"absent": "everybody may do everything"}
    profile = tmp_path / "p.yaml"
    profile.write_text(yaml.safe_dump(described))

    found = {name: asked(name, url, tmp_path, profile) for name in set(MORE) - BROWSED}

    assert all(each.passed for each in found.values()), found
    assert sum("we have none" in each.why for each in found.values()) == 6


@pytest.mark.parametrize("part", ["live", "stale"])
def test_what_a_page_does_not_have_is_not_looked_for(part, url, tmp_path):
    """A page without messages, or one whose session cannot run out, passes by the rest."""
    described = yaml.safe_load(PROFILE.read_text())
    described["systems"]["only"]["frontend"][part] = {"absent": "we have none"}
    profile = tmp_path / "p.yaml"
    profile.write_text(yaml.safe_dump(described))

    found = asked("smoke.users_work_in_a_browser", url, tmp_path, profile)

    assert found.passed, found
    assert found.facts == {"rows": 1, "live": True, "asked_again": True} | {
        {"live": "live", "stale": "asked_again"}[part]: None
    }


def test_a_page_that_lost_its_socket_is_loaded_anew_as_its_user_would(url, tmp_path):
    """A server that restarts closes what is open, and not every page opens it again."""
    described = yaml.safe_load(PROFILE.read_text())
    described["systems"]["only"]["frontend"]["path"] = "/page?lost=once"
    profile = tmp_path / "p.yaml"
    profile.write_text(yaml.safe_dump(described))

    found = asked("smoke.users_work_in_a_browser", url, tmp_path, profile)

    assert found.passed, found
    assert found.facts["live"]


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        ("shows", "tr.nobody", "signing in shows no rows within 2 s"),
        ("password", "#nothing", "the page shows no login within 2 s"),
        ("stale", {"other": "item"}, "a session that ran out shows no login"),
        ("live", {"shows": "#nowhere"}, "on the page; WebSockets it opened: 1, open now: 1"),
        ("path", "/page?lost=always", "open now: 0, messages that came by them: 0"),
        ("live", {"status": [201]}, "a message was answered 200"),
    ],
)
def test_what_is_not_on_the_page_is_told(part, wrong, said, url, tmp_path):
    """By what somebody at the browser would say, and without a value of the session."""
    described = yaml.safe_load(PROFILE.read_text())
    frontend = described["systems"]["only"]["frontend"]
    frontend[part] = frontend[part] | wrong if part == "live" else wrong
    profile = tmp_path / "p.yaml"
    profile.write_text(yaml.safe_dump(described))

    found = asked("smoke.users_work_in_a_browser", url, tmp_path, profile, seconds=2)

    assert found.verdict is Verdict.FAIL
    assert said in found.why
    assert PASSWORD not in found.why


def test_a_table_that_the_profile_forgot_is_told(url, tmp_path):
    """Saying nothing of a table is not the same as saying that it is hidden."""
    described = yaml.safe_load(PROFILE.read_text())
    del described["systems"]["only"]["records"]["tables"]["audit_logs"]
    profile = tmp_path / "p.yaml"
    profile.write_text(yaml.safe_dump(described))

    found = asked("smoke.records_round_trip", url, tmp_path, profile)

    assert "says nothing of table `audit_logs`" in found.why

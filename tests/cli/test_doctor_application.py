"""`handrail doctor` tries a profile against a running application, and says what differs."""

import json
import os

import pytest
import yaml
from rehearsal.other_app import PASSWORD

from handrail.cli.application import Running, lines
from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.ready.claim import Told
from handrail.clients.secret import Secret
from handrail.testing.forking import forked
from tests.cli.test_doctor import WARM
from tests.operations.test_other_app import PROFILE, url

__all__ = ["url"]
ACCOUNTS = [{"username": "admin", "password": PASSWORD, "role": "admin"}]


@pytest.fixture
def tried(tmp_path, url):
    """Try the other application with a profile that a function spoiled; return what is not good."""

    def run(spoil=lambda entries: None, **more):
        described = yaml.safe_load(PROFILE.read_text())
        spoil(described["systems"]["only"])
        place = tmp_path / "p.yaml"
        place.write_text(yaml.safe_dump(described))
        accounts = Accounts(Secret.of(json.dumps(ACCOUNTS)))
        profile = Profile.from_inventory(place)
        told = list(lines(Running("app", profile, "only", url, accounts, **more)))
        assert PASSWORD not in str(told)
        return {each.claim: each for each in told}

    return run


def test_an_application_that_looks_as_its_profile_says_is_good_in_every_entry(tried):
    """Sign-ins, errors, health, records, a sample, upload, task, socket, reads."""
    told = tried()

    assert {each.told for each in told.values()} == {Told.GOOD}, told
    assert len(told) == 9


@pytest.mark.parametrize(
    ("entry", "wrong", "claim", "found"),
    [
        ("sign_ins.0.token", "token", "accounts sign in", "no token at `token`"),
        ("sign_ins.0.role", "role", "accounts sign in", "has the role `None`"),
        ("sign_ins.0.refused", [401], "accounts sign in", "wrong password of `admin` is answered"),
        ("message", ["message"], "errors say", "an object of `errors`, with no text at `message`"),
        ("health.path", "/health", "health check", "/health answers 401"),
        ("health.holds", {"status": "ok"}, "health check", "status is None"),
        ("records.page.rows", "data", "`cadets`", "no list at `data` in an object of `results`"),
        ("records.page.has", ["total"], "`cadets`", "no `total` in an object of `results`"),
        ("records.tables.cadets", "/cadets", "`cadets`", "/cadets answers"),
        ("records.id", "id", "`cadets`", "has no `id`"),
        ("records.sample.made", [201], "A record is made", "could not be made: 200"),
        ("records.sample.gone", [404], "A record is made", "deleted is answered 410"),
        ("upload.status", [201], "uploaded", "the upload is answered 200"),
        ("upload.url", "url", "uploaded", "nothing at `url`"),
        ("task.state", "state", "background task", "nothing at `state`"),
        ("socket.path", "/ws", "WebSocket", "no WebSocket to"),
        ("socket.status", [201], "WebSocket", "the notification is answered 200"),
        ("reads", ["/people", "/nothing/here"], "reads that are timed", "/nothing/here answers"),
    ],
)
def test_what_differs_is_told_with_the_entry_that_says_otherwise(tried, entry, wrong, claim, found):
    """And nothing else is: each entry is looked at by itself."""

    def spoil(entries):
        *way, last = entry.split(".")
        for name in way:
            entries = entries[int(name) if name.isdigit() else name]
        entries[last] = wrong

    told = tried(spoil)

    differing = [each for each in told.values() if each.told is not Told.GOOD]
    assert [each for each in differing if claim in each.claim and found in each.found], differing
    assert all(each.fix for each in differing)


ENTRIES = ["message", "health", "records", "upload", "task", "socket", "reads"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_the_application_does_not_have_is_said_and_good(tried, entry):
    """With the profile's own reason."""
    told = tried(lambda entries: entries.update({entry: {"absent": "we have none"}}))

    assert {each.told for each in told.values()} == {Told.GOOD}
    assert "we have none" in told[f"`{entry}` is absent"].found


def test_an_application_with_nothing_but_its_sign_in_is_good(tried):
    """No roles either."""

    def spoil(entries):
        entries.update({entry: {"absent": "we have none"} for entry in ENTRIES})
        entries["sign_ins"][0]["role"] = {"absent": "everybody may do everything"}

    told = tried(spoil)

    assert {each.told for each in told.values()} == {Told.GOOD}
    assert len(told) == 1 + len(ENTRIES)


def test_nothing_is_made_where_only_reading_is_asked_for(tried):
    """No record, upload, task or message; the socket is opened all the same."""
    told = tried(read_only=True)

    assert {each.told for each in told.values()} == {Told.GOOD}
    assert "Its WebSocket opens" in told
    assert not [claim for claim in told if "made" in claim or "uploaded" in claim]


def test_a_door_that_no_account_uses_is_told(tried):
    """Nobody knows then whether it opens."""
    more = {"path": "/other", "token": "t", "role": "r", "kinds": ["cadet"]}
    told = tried(lambda entries: entries["sign_ins"].append(more))

    assert told["Accounts enter by `/other`"].told is Told.NOT_TOLD


def command(tmp_path, *arguments):
    """Type the command; return its status and all that it prints."""
    (tmp_path / "accounts").write_text(json.dumps(ACCOUNTS))
    ran = forked(WARM, ["handrail", "doctor", *arguments], tmp_path, dict(os.environ))
    assert "Traceback" not in ran.said
    assert PASSWORD not in ran.said
    return ran.code, ran.said


def test_the_command_tries_an_application_with_and_without_an_inventory(tmp_path, url):
    """By its options alone, and by what an inventory has of it."""
    options = ("--profile", str(PROFILE), "--url", url, "--accounts", "file:accounts")
    status, said = command(tmp_path, *options)
    assert status == 0, said
    assert "All 9 good: the application looks as its profile says." in said

    data = {"profile": str(PROFILE), "only_url": url, "canaries": "file:accounts"}
    (tmp_path / "inv.py").write_text(f"hosts = [('@control/shop', {data!r})]\n")
    status, said = command(tmp_path, "inv.py", "--system", "only", "--read-only")
    assert status == 0, said
    assert f"shop: only at {url}" in said


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["--profile", str(PROFILE)], "which accounts are known"),
        (["--profile", str(PROFILE), "--accounts", "file:accounts"], "where `only` is"),
        (["--system", "only"], "which profile it has"),
        (["nowhere.py", "--system", "only"], "there is no inventory"),
    ],
)
def test_a_command_line_that_does_not_say_enough_is_wrong(tmp_path, given, why):
    """Status 2, with what is missing."""
    status, said = command(tmp_path, *given)

    assert status == 2
    assert why in said

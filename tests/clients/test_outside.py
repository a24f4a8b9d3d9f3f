"""The alert webhook, and the accounts that must be able to log in."""

import json

import pytest

from handrail.clients.accounts import Accounts
from handrail.clients.alerts import Webhook
from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK, Reply

ADA = {"username": "ada", "password": f"pass-{MARK}", "role": "admin"}


def test_an_alert_is_posted_once_as_json(wire, monkeypatch):
    """Path and query of the address are part of the secret."""
    monkeypatch.setenv("ALERTS", f"{wire.url}/hook/{MARK}?k={MARK}")
    wire.on("POST", f"/hook/{MARK}", Reply(204))

    Webhook.from_inventory("env:ALERTS").send({"text": "it stopped", "run": "r1"})

    assert wire.seen[0].json() == {"text": "it stopped", "run": "r1"}
    assert wire.seen[0].query == {"k": [MARK]}


@pytest.mark.parametrize("reply", [Reply(404), Reply(500), Reply(302, None, {"Location": "/x"})])
def test_an_alert_that_was_not_taken_is_a_failure(wire, monkeypatch, reply):
    """Nobody was told, and somebody must know that."""
    monkeypatch.setenv("ALERTS", f"{wire.url}/hook/{MARK}")
    wire.on("POST", f"/hook/{MARK}", reply)

    with pytest.raises(ClientError, match=f"answered {reply.status}"):
        Webhook(Secret("env:ALERTS")).send({"text": "x"})

    assert len(wire.seen) == 1


def test_an_alert_without_a_listener_or_an_address_is_a_failure(wire, monkeypatch):
    """Without showing the address."""
    wire.on("POST", f"/hook/{MARK}", Reply(drop=True))
    with pytest.raises(NoAnswer, match=f"POST {wire.host} brought no answer"):
        Webhook(Secret.of(f"{wire.url}/hook/{MARK}")).send({})
    for value in (f"hook {MARK}", "http://[", "ftp://h/x"):
        with pytest.raises(ClientError, match="not an HTTP address"):
            Webhook(Secret.of(value)).send({})


def test_accounts_are_read_from_their_reference(tmp_path):
    """Passwords are secrets from the first moment."""
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps([ADA, {**ADA, "username": "bob", "role": "cadet"}]))

    found = Accounts.from_inventory(f"file:{path}").load()

    assert [(each.username, each.role) for each in found] == [("ada", "admin"), ("bob", "cadet")]
    assert found[0].password.reveal() == f"pass-{MARK}"
    assert MARK not in repr(found)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"{{{MARK}", "not JSON"),
        ([], "not a list with something in it"),
        ({"ada": ADA}, "not a list"),
        ([ADA, [MARK]], "entry 2 does not have exactly"),
        ([{**ADA, "email": "x"}], "entry 1 does not have exactly"),
        ([{"username": "ada", "password": MARK}], "entry 1 does not have exactly"),
        ([{**ADA, "role": ""}], "entry 1 has a field that is empty"),
        ([{**ADA, "password": 7}], "entry 1 has a field that is empty or not text"),
        ([ADA, ADA], "entry 2 has a username that came before"),
    ],
)
def test_a_malformed_list_of_accounts_is_refused_by_entry(monkeypatch, content, why):
    """By number, never by content: an empty list would prove nothing."""
    text = content if isinstance(content, str) else json.dumps(content)
    monkeypatch.setenv("CANARIES", text)

    with pytest.raises(ClientError, match=why) as caught:
        Accounts.from_inventory("env:CANARIES").load()

    assert "`env:CANARIES`" in caught.value.what

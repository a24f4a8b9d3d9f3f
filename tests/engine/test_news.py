"""News of a run for those outside: what they are told, and that it stops nothing."""

import hashlib
import hmac
import json
import socketserver
import threading

import pytest

from handrail.clients.channels import Mail
from handrail.clients.secret import Secret
from tests.clients.conftest import Reply, Wire

STAKE = (
    'steps.place(path=f"{room}/a", text="1", task="1", stake="nobody can write", until="2")',
    'steps.place(path=f"{room}/b", text="1", task="2")',
)


@pytest.fixture(name="hook")
def _hook():
    """Return somebody who listens."""
    wire = Wire()
    wire.on("POST", "/news", Reply(200, {}))
    wire.on("GET", "/alive", Reply(200, {}))
    yield wire
    wire.close()


def named(lab, name, text):
    """Write a secret; return how an inventory names it."""
    path = lab.folder / name
    path.write_text(text)
    path.chmod(0o600)
    return f"file:{path}"


def told(hook):
    """Return what arrived."""
    return [seen.json() for seen in hook.requests("POST", "/news")]


def test_a_run_tells_its_start_its_stakes_and_its_end(lab, hook):
    """Each once, with the run, signed, and under a key of its own."""
    url = named(lab, "url", f"{hook.url}/news")
    lab.inventory("lab", notify=[{"webhook": url, "secret": named(lab, "key", "k" * 32)}])
    lab.runbook(*STAKE)

    assert lab.run().code == 0

    assert [each["event"] for each in told(hook)] == [
        "run.started", "stake.on", "stake.off", "run.finished",
    ]  # fmt: skip
    assert "NOBODY CAN WRITE" in told(hook)[1]["text"]
    assert len({each["key"] for each in told(hook)}) == 4
    for seen in hook.requests("POST", "/news"):
        signed = hmac.new(b"k" * 32, seen.body, hashlib.sha256).hexdigest()
        assert seen.headers["X-Handrail-Signature"] == f"sha256={signed}"
        assert seen.headers["Idempotency-Key"] == json.loads(seen.body)["key"]


def test_a_stop_a_hold_a_gate_and_a_way_back_are_told(lab, hook):
    """In Slack's form, as sentences."""
    lab.inventory("lab", notify=[{"slack": named(lab, "url", f"{hook.url}/news")}])
    lab.runbook(STAKE[0], 'steps.measure(path=f"{room}/none", task="2")')
    assert lab.run().code == 1
    assert lab.run("--data", "to=1").code == 3
    assert lab.roll_back().code == 0

    words = [each["text"] for each in told(hook)]
    assert [word.rpartition("(")[2] for word in words] == [
        "run.started)", "stake.on)", "gate.closed)", "run.stopped)", "run.started)", "run.held)",
        "run.started)", "stake.off)", "run.rolled_back)",
    ]  # fmt: skip


def test_news_that_cannot_be_delivered_is_told_and_stops_nothing(lab, hook):
    """Of each receiver once, without its address; the others hear all, and the run is proven."""
    for gone in ("/gone", "/away"):
        hook.on("POST", gone, Reply(404, {}))
    names = {name: named(lab, name, f"{hook.url}/{name}") for name in ("gone", "away", "news")}
    lab.inventory("lab", notify=[{"webhook": each} for each in names.values()])
    lab.runbook(*STAKE)

    ran = lab.run()

    assert ran.code == 0
    assert ran.said.count("news did not reach hook") == 2
    assert ran.said.count("it answered 404") == 2
    assert len(told(hook)) == 4
    assert hook.url not in ran.said


def test_a_heartbeat_says_that_the_run_is_alive(lab, hook):
    """Its receiver tells silence."""
    lab.inventory("lab", notify=[{"heartbeat": named(lab, "url", f"{hook.url}/alive")}])
    lab.runbook(*STAKE)

    assert lab.run().code == 0

    assert hook.requests("GET", "/alive")


@pytest.mark.parametrize(
    "given",
    [3, {"webhok": "env:A"}, [{"webhook": "https://x.example/secret"}], [{"email": "env:A"}]],
)
def test_what_is_no_channel_is_a_wrong_command(lab, given):
    """Before anything is done, and no address is shown."""
    lab.inventory("lab", notify=given)
    lab.runbook(*STAKE)

    ran = lab.run()

    assert ran.code == 2
    assert "Traceback" not in ran.said
    assert lab.journal() == []


class Taker(socketserver.StreamRequestHandler):
    """A mail server of few words."""

    def handle(self):
        """Take one mail."""
        self.say("220 here")
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.say("354 go on")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(mail.decode())
            self.say("221 bye" if word == b"QUIT" else "250 good")
            if word == b"QUIT":
                return

    def say(self, text):
        """Answer."""
        self.wfile.write(f"{text}\r\n".encode())


def test_a_mail_says_it_in_its_subject():
    """And holds all of it as JSON."""
    with socketserver.TCPServer(("127.0.0.1", 0), Taker) as server:
        server.mails = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        news = {"event": "run.held", "text": "It holds", "environment": "lab", "key": "lab/3"}
        Mail(Secret.of(url), "a@example.org", ("b@example.org",)).send(news)
        server.shutdown()

    (mail,) = server.mails
    assert "Subject: lab: It holds" in mail
    assert "b@example.org" in mail
    assert "run.held" in mail

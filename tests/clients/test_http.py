"""HTTP: what is asked again, what is not, and what an unwelcome answer is called."""

import time as real_time
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.http import Http
from handrail.clients.patience import demanded_wait
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK, Reply

KEY = f"rnd_{MARK}"


@pytest.fixture
def http(wire, time, monkeypatch):
    """A session with a key, in a time of its own."""
    monkeypatch.setenv("RENDER_API_KEY", KEY)
    key = Secret.from_inventory("env:RENDER_API_KEY")
    return Http(wire.url + "/v1", bearer=key, timeout_seconds=0.3, patience=time.patience())


def test_a_get_carries_the_key_and_returns_status_headers_body_and_seconds(http, wire):
    """An answer is the whole of what came."""
    wire.on("GET", "/v1/users", Reply(200, {"email": "a@b"}, {"X-Thing": "1"}))

    answer = http.get("/users", params={"status": ["live", "queued"], "q": "x y"})

    assert (answer.status, answer.json(), answer.headers["x-thing"]) == (200, {"email": "a@b"}, "1")
    assert 0 < answer.seconds < 5
    assert wire.seen[0].headers["Authorization"] == f"Bearer {KEY}"
    assert wire.seen[0].query == {"status": ["live", "queued"], "q": ["x y"]}


def test_a_redirect_is_an_answer_and_is_followed_only_when_asked(http, wire):
    """A 301 is seen as a 301, so that a check for exactly 200 means it."""
    wire.on("GET", "/v1/old", Reply(301, None, {"Location": "/v1/new"}))
    wire.on("GET", "/v1/new", Reply(200, {"here": True}))

    assert http.get("/old").status == 301
    assert http.get("/old", follow_redirects=True).json() == {"here": True}


def test_a_limited_get_waits_as_long_as_the_server_says(http, wire, time):
    """Ratelimit-Reset is a delay in seconds, and is honoured."""
    wire.on("GET", "/v1/x", Reply(429, None, {"Ratelimit-Reset": "17"}), Reply(200, {}))

    assert http.get("/x").status == 200
    assert len(time.slept) == 1
    assert 17 <= time.slept[0] < 18


def test_a_wait_that_a_person_would_notice_is_told(wire, http, monkeypatch):
    """Nobody looks at a terminal that stands still for 41 seconds without a word."""
    told = []
    monkeypatch.setattr("handrail.clients.patience._told", [told.append])
    slow, quick = {"Ratelimit-Reset": "41"}, {"Ratelimit-Reset": "2"}
    wire.on("GET", "/v1/x", Reply(429, None, slow), Reply(429, None, quick), Reply(200, {}))

    http.get("/x")

    assert told == [f"{wire.host} asks to wait 41 s"]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Ratelimit-Reset": "45"}, 45),
        (429, {"Ratelimit-Reset": "1800000030"}, 30),
        (429, {"Ratelimit-Reset": "1799999990"}, 0),
        (429, {"Ratelimit-Reset": "5", "Retry-After": "9"}, 9),
        (503, {"Ratelimit-Reset": "45"}, None),
        (503, {"Retry-After": "Fri, 15 Jan 2027 08:00:20 GMT"}, 20),
        (503, {"Retry-After": "soon"}, None),
        (429, {"Ratelimit-Reset": "-1"}, None),
    ],
)
def test_a_demanded_wait_is_a_delay_or_a_moment(status, headers, expected):
    """More than 10^9 is a moment in epoch seconds; the longer of two demands wins."""
    now = datetime.fromtimestamp(1_800_000_000, UTC)

    assert demanded_wait(status, headers, now) == expected


def test_a_wait_that_would_end_too_late_is_not_begun(http, wire, time):
    """The hourly limit of Render is not slept through; the answer says when to come back."""
    wire.on("GET", "/v1/x", Reply(429, {"message": "slow down"}, {"Ratelimit-Reset": "3400"}))

    answer = http.get("/x")
    refusal = http.refusal(answer, "x could not be read")

    assert time.slept == []
    assert "3400 s" in refusal.fix
    assert "429: slow down" in refusal.why


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_repeatable_request_survives_errors_and_cut_connections(http, wire, method):
    """5xx and a lost connection are asked again until they pass."""
    wire.on(method, "/v1/x", Reply(500), Reply(drop=True), Reply(503, "<html>"), Reply(200, {}))

    assert http.request(method, "/x").status == 200
    assert len(wire.seen) == 4


def test_a_lasting_server_error_is_returned_after_bounded_attempts(wire, time):
    """A server that stays broken ends the asking, within attempts and within time."""
    wire.on("GET", "/x", Reply(500, {"message": "broken"}))
    http = Http(wire.url, patience=time.patience(attempts=4))

    assert http.get("/x").status == 500
    assert len(wire.seen) == 4
    assert sum(time.slept) <= 120


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_unsafe_request_is_sent_once_when_it_fails(http, wire, method):
    """Neither a 5xx nor a cut connection makes a second POST."""
    wire.on(method, "/v1/x", Reply(502))
    wire.on(method, "/v1/y", Reply(drop=True))

    assert http.request(method, "/x").status == 502
    with pytest.raises(NoAnswer) as caught:
        http.request(method, "/y")

    assert caught.value.maybe_done
    assert len(wire.seen) == 2


def test_a_limited_post_is_sent_again_because_it_did_nothing(http, wire, time):
    """429 is a promise that the request was not carried out."""
    wire.on("POST", "/v1/x", Reply(429, None, {"Ratelimit-Reset": "3"}), Reply(201, {}))

    assert http.post("/x", body={}).status == 201
    assert len(wire.seen) == 2
    assert time.slept[0] >= 3


def test_a_silent_server_is_given_up_within_the_timeout(wire):
    """A server that accepts and never answers costs the timeout, and may have acted."""
    wire.on("POST", "/x", Reply(hold=True))
    started = real_time.monotonic()

    with pytest.raises(NoAnswer) as caught:
        Http(wire.url, timeout_seconds=0.2).post("/x", params={"token": MARK})

    assert real_time.monotonic() - started < 2
    assert caught.value.maybe_done
    assert "0.2 s" in caught.value.why
    assert f"POST {wire.host}/x" in caught.value.what


def test_a_refused_connection_cannot_have_acted(wire, time):
    """Nothing listens there, so nothing was done; the error says so."""
    wire.close()

    with pytest.raises(NoAnswer) as caught:
        Http(wire.url, patience=time.patience(attempts=2)).get("/x")

    assert not caught.value.maybe_done
    assert caught.value.why == "the connection was refused"
    assert len(time.slept) == 1


def test_an_unknown_host_is_called_that(time):
    """A name that does not resolve is told apart from a server that is down."""
    http = Http("http://nothing.invalid", patience=time.patience(attempts=1))

    with pytest.raises(NoAnswer, match="host name is not known"):
        http.get("/x")


def test_a_body_that_is_not_json_names_place_and_status(http, wire):
    """An HTML page where JSON was expected is said to be one, without its text."""
    wire.on("GET", "/v1/x", Reply(200, f"<html>{MARK}</html>"))

    with pytest.raises(ClientError) as caught:
        http.get("/x", params={"token": MARK}).json()

    assert f"{wire.host}/v1/x" in caught.value.what
    assert "text/html" in caught.value.why


def test_a_refused_key_names_its_reference_and_the_fix(http, wire):
    """401 means the key, wherever it is kept."""
    wire.on("GET", "/v1/x", Reply(401, {"message": f"bad key {KEY}"}))

    refusal = http.refusal(http.get("/x"), "x could not be read")

    assert "the key is refused" in refusal.why
    assert "`env:RENDER_API_KEY`" in refusal.fix


def test_a_message_that_echoes_a_secret_is_told_without_it(http, wire):
    """A server may repeat what was sent; the error does not."""
    wire.on("PUT", "/v1/x", Reply(400, {"message": f"bad value pass-{MARK} of {KEY}"}))

    refusal = http.refusal(http.request("PUT", "/x"), "x failed", hide=(f"pass-{MARK}",))

    assert "bad value (withheld) of (withheld)" in refusal.why


@pytest.mark.parametrize("before", range(230, 300, 7))
def test_a_message_that_is_cut_in_a_secret_leaves_no_part_of_it(http, wire, before):
    """Masked as a whole, then cut."""
    wire.on("PUT", "/v1/x", Reply(400, {"message": "x" * before + KEY + "y" * 99}))

    refusal = http.refusal(http.request("PUT", "/x"), "x failed")

    assert KEY[:4] not in refusal.why


def test_a_key_that_is_echoed_in_base64_is_told_without_it(http, wire):
    """A server may pack it anew before it says what it did not like."""
    packed = b64encode(KEY.encode()).decode()
    wire.on("PUT", "/v1/x", Reply(400, {"message": f"not {packed} ({KEY})"}))

    refusal = http.refusal(http.request("PUT", "/x"), "x failed")

    assert "not (withheld) ((withheld))" in refusal.why


def test_a_key_with_a_line_break_is_refused_before_anything_is_sent(wire, time):
    """A key pasted with its newline would be a broken header."""
    http = Http(wire.url, bearer=Secret.of(f"{MARK}\r\nX: y"), patience=time.patience())

    with pytest.raises(ClientError, match="line break"):
        http.get("/x")

    assert wire.seen == []


def test_a_netrc_file_never_replaces_the_key(http, wire, tmp_path, monkeypatch):
    """Where a .netrc names the host, its entry would be sent instead of ours."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    wire.on("GET", "/v1/x", Reply(200, {}))

    http.get("/x")

    assert wire.seen[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("base", ["", "ftp://host", "127.0.0.1:8000", "http://"])
def test_an_address_that_is_none_is_refused(base):
    """Only http and https URLs with a host are spoken to."""
    with pytest.raises(ClientError, match="http"):
        Http(base)

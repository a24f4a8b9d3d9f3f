"""An application is spoken to as its profile says, and nothing about it is assumed."""

import json
from pathlib import Path

import pytest
import yaml

from handrail.clients.accounts import Account
from handrail.clients.app import Application, Profile
from handrail.clients.app import application as applications
from handrail.clients.app.profile_file import schema
from handrail.clients.errors import ClientError
from handrail.clients.places import filled, found
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK, Reply

OURS = Path("inventory/rotc.profile.yaml")
# A message for whoever is signed in, in a profile that does not say how to learn who that is.
NAMES_ME = """
systems:
  one:
    sign_ins: [{path: /in, token: t, role: {absent: none}}]
    health: {absent: none}
    records: {absent: none}
    upload: {absent: none}
    task: {absent: none}
    reads: {absent: none}
    socket: {path: /ws, welcome: {type: hi}, cause: /say, body: {to: ["{me}"]}, id: id, event: {}}
"""
PUBLISHED = Path("docs/profile.schema.json")
PASSWORD = f"pass-{MARK}"
NOTHING = {
    name: {"absent": "not here"}
    for name in ("health", "records", "upload", "task", "socket", "reads")
}
MAIL_DOOR = {  # another shape for everything
    "path": "/session",
    "body": {"auth": {"email": "{username}@example.org", "secret": "{password}"}},
    "status": [201],
    "refused": [403],
    "token": "data.0.user.key",
    "role": "data.0.user.kind",
    "roles": {"admin": "ADMINISTRATOR"},
    "header": "X-Auth",
    "prefix": "Token ",
}


@pytest.fixture
def ada():
    """One account."""
    return Account("ada", Secret.of(PASSWORD), "admin")


@pytest.fixture
def described(tmp_path):
    """Write a profile of one system, and return the application at an address."""

    def describe(url, *doors, **entries):
        path = tmp_path / "app.profile.yaml"
        system = {"sign_ins": list(doors), **NOTHING, **entries}
        path.write_text(yaml.safe_dump({"systems": {"one": system}}))
        return Application(url, Profile.from_inventory(str(path)).system("one"))

    return describe


@pytest.mark.parametrize(
    ("system", "path", "field"),
    [("legacy", "/api/auth/login", "token"), ("django", "/api/v1/auth/login", "access")],
)
def test_each_system_of_our_profile_has_its_own_door(wire, ada, system, path, field):
    """The legacy one says `token`, the Django one `access`."""
    answer = {field: f"jwt-{MARK}", "user": {"id": 1, "username": "ada", "role": "admin"}}
    wire.on("POST", path, Reply(200, answer))
    app = Application(wire.url, Profile.from_inventory(str(OURS)).system(system))

    token = app.sign_in(ada)

    assert token.reveal() == f"jwt-{MARK}"
    assert MARK not in repr(token)
    assert wire.seen[0].json() == {"username": "ada", "password": PASSWORD}


def test_another_shape_of_everything_is_spoken(wire, ada, described):
    """E-mail, a nested body, another status, header, prefix, place and name of the role."""
    user = {"key": f"k-{MARK}", "kind": "ADMINISTRATOR"}
    wire.on("POST", "/session", Reply(201, {"data": [{"user": user}]}))
    wire.on("GET", "/things", Reply(200, []))
    app = described(wire.url, MAIL_DOOR)

    app.as_account(ada).get("/things")

    asked, used = wire.seen
    assert asked.json() == {"auth": {"email": "ada@example.org", "secret": PASSWORD}}
    assert used.headers["X-Auth"] == f"Token k-{MARK}"
    assert "Authorization" not in used.headers


@pytest.mark.parametrize(
    ("door", "headers", "carried"),
    [
        ({"token": "X-Key", "token_in": "header"}, {"X-Key": "k1"}, ("Authorization", "Bearer k1")),
        (
            {"token": "sid", "token_in": "cookie", "header": "Cookie", "prefix": "sid="},
            {"Set-Cookie": "other=1; Path=/, sid=k2; HttpOnly; Path=/"},
            ("Cookie", "sid=k2"),
        ),
    ],
    ids=["header", "cookie"],
)
def test_a_token_may_come_in_a_header_or_a_cookie(wire, ada, described, door, headers, carried):
    """The body of the answer may hold anything, or nothing."""
    wire.on("POST", "/in", Reply(200, "welcome", headers))
    wire.on("GET", "/things", Reply(200, []))
    app = described(wire.url, {"path": "/in", "role": {"absent": "it tells none"}, **door})

    app.as_account(ada).get("/things")

    assert wire.seen[-1].headers[carried[0]] == carried[1]


def test_a_door_is_chosen_by_the_role(wire, ada, described):
    """Cadets and staff may sign in at different doors."""
    wire.on("POST", "/staff", Reply(200, {"t": "x"}))
    door = {"token": "t", "role": {"absent": "it tells none"}}
    app = described(
        wire.url, {**door, "path": "/all"}, {**door, "path": "/staff", "kinds": ["admin"]}
    )

    assert app.sign_in(ada).reveal() == "x"
    assert app.door(Account("bob", Secret.of("p"), "cadet")).path == "/all"


def test_a_role_without_a_door_is_told(ada, described):
    """No door is guessed."""
    app = described("http://127.0.0.1:1", {**MAIL_DOOR, "kinds": ["cadet"]})

    with pytest.raises(ClientError, match="no `sign_ins` entry of the profile takes"):
        app.sign_in(ada)


def test_sign_ins_keep_the_pace_of_the_door(wire, ada, described, monkeypatch):
    """Five a minute and no more, whichever gate asks."""
    waited = []
    monkeypatch.setattr(applications.time, "sleep", waited.append)
    monkeypatch.setattr(applications.time, "monotonic", lambda: 100.0)
    wire.on("POST", "/slow", Reply(200, {"t": "x"}))
    door = {"path": "/slow", "token": "t", "role": {"absent": "none"}, "pace_seconds": 12}

    for _ in range(3):
        described(wire.url, door).sign_in(ada)

    assert waited == [0, 12, 24]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(401, {"error": "no"}), "401: the password does not match"),
        (Reply(400, {"message": f"bad pass-{MARK}"}), r"400: bad \(withheld\)"),
        (Reply(301, None, {"Location": "/login/"}), "answered 301"),
        (Reply(503, {"message": "read-only"}), "503: read-only"),
        (Reply(200, {"user": {"role": "admin"}}), "holds no token"),
        (Reply(200, ["x"]), "holds no token"),
        (Reply(200, {"access": "t", "user": {"role": "cadet"}}), "has the role `cadet` there"),
        (Reply(200, {"access": "t"}), "has the role `None` there"),
        (Reply(200, "<html>"), "not JSON"),
        (Reply(drop=True), "cut before the answer"),
    ],
)
def test_a_sign_in_that_fails_says_how(wire, ada, reply, why):
    """Asked once; a wrong role is no success."""
    wire.on("POST", "/api/v1/auth/login", reply)
    app = Application(wire.url, Profile.from_inventory(str(OURS)).system("django"))

    with pytest.raises(ClientError, match=why):
        app.sign_in(ada)

    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("systems: {}", "`systems` "),
        ("systems: {one: {sign_ins: []}}", "`systems.one.sign_ins` "),
        ("systems: {one: {sign_ins: [{path: x, token: t}]}}", "`systems.one.sign_ins.0.path` "),
        ("systems: {one: {helth: 1}}", "`systems.one.helth` is not known"),
        ("systems: {one: {}}", "`systems.one.health` is missing"),
        ("systems: {one: {reads: []}}", "`systems.one.reads` "),
        ("systems: {one: {message: []}}", "`systems.one.message` "),
        (
            NAMES_ME,
            "`systems.one` names `{me}` in a body, and no `sign_ins` entry has a `me` to ask",
        ),
        ("[1]", "`the file` "),
        ("", "`the file` "),
        ("a: [", "while parsing"),
        ("\x00", "special characters are not allowed"),
    ],
)
def test_a_profile_with_faults_names_each_by_its_place(tmp_path, text, why):
    """All of them at once, without the names of our classes, and never a traceback."""
    path = tmp_path / "p.yaml"
    path.write_text(text)

    with pytest.raises(ClientError) as refused:
        Profile.from_inventory(str(path))

    assert why in refused.value.why
    assert "docs/profile.schema.json" in refused.value.fix


def test_a_profile_that_is_not_there_or_not_text_is_told(tmp_path):
    """What is wrong, and which file."""
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe")

    for path, why in ((tmp_path / "none.yaml", "No such file"), (binary, "not UTF-8")):
        with pytest.raises(ClientError, match=why):
            Profile.from_inventory(str(path))


def test_a_system_that_the_profile_lacks_is_told_with_those_it_has():
    """A misspelt `system=` in a runbook."""
    with pytest.raises(ClientError, match="describes `legacy`, `django`"):
        Profile.from_inventory(str(OURS)).system("node")


def test_the_published_schema_is_the_profile_s_own():
    """`python -m handrail.clients.app` writes it anew."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == schema()


def test_places_and_texts_are_filled_and_found():
    """A text that is one name alone takes the value's type; lists are entered by number."""
    assert filled({"a": ["{n}", "x{n}"], "b": 1}, {"n": 7}) == {"a": [7, "x7"], "b": 1}
    assert filled("{word}{{", {"word": "w"}) == "w{{"
    assert found({"a": [{"b": 0}]}, "a.0.b") == 0
    assert found([], "") == []
    assert found({"a": 1}, "a.b") is None

"""Credentials that stand in a remote's address reach the server, and nobody else."""

import os
from base64 import b64decode
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.git_credentials import address_of, without_credentials
from handrail.clients.git_process import git as ours
from tests.clients.conftest import MARK, Reply
from tests.clients.git_world import git

ASK = {"WWW-Authenticate": "Basic realm=x"}


def command_lines():
    """Return the command line of every process there is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return found


@pytest.mark.parametrize(
    ("written", "user", "password"),
    [
        (f"person:pass-{MARK}", "person", f"pass-{MARK}"),
        (f"person:pa/ss@w-{MARK}", "person", f"pa/ss@w-{MARK}"),
        (f"person:{quote(f'pa/ss w-{MARK}', safe='')}", "person", f"pa/ss w-{MARK}"),
        (f"ghp_{MARK}", f"ghp_{MARK}", ""),
    ],
)
@pytest.mark.parametrize("where", ["the remote", "the command"])
def test_the_server_gets_them_and_no_command_line_shows_them(
    clone, wire, written, user, password, where
):
    """A password with a slash, an encoded one, a token in the place of the name."""
    lines, heads = [], []

    def refs(seen):
        lines.extend(command_lines())
        heads.append(seen.headers.get("Authorization", ""))
        return Reply(500) if heads[-1] else Reply(401, None, ASK)

    wire.on("GET", "/repo.git/info/refs", refs)
    url = f"http://{written}@{wire.host}/repo.git"
    asked = url
    if where == "the remote":
        git(clone, "remote", "set-url", "origin", url)
        asked = "origin"

    ended = ours(clone, "ls-remote", asked)

    assert ended.code != 0
    assert b64decode(heads[-1].removeprefix("Basic ")).decode() == f"{user}:{password}"
    assert any("git-remote-http" in line for line in lines), "the helper was seen at work"
    assert not any(MARK in line for line in lines)
    assert MARK not in ended.error


def test_who_has_none_is_asked_for_none(clone, wire, monkeypatch):
    """What git is set up with on this machine goes on working."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "credential.helper")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "!f() { echo username=own; echo password=word; }; f")
    heads = []

    def refs(seen):
        heads.append(seen.headers.get("Authorization", ""))
        return Reply(500) if heads[-1] else Reply(401, None, ASK)

    wire.on("GET", "/repo.git/info/refs", refs)

    ours(clone, "ls-remote", f"{wire.url}/repo.git")

    assert b64decode(heads[-1].removeprefix("Basic ")) == b"own:word"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://host/path@v1", "https://host/path@v1"),
        ("https://host:8080/path@v1", "https://host:8080/path@v1"),
        ("https://ann:pw@host:8080/path@v1", "https://host:8080/path@v1"),
        ("https://token@host/o/r.git", "https://host/o/r.git"),
        ("git@host:o/r.git", "git@host:o/r.git"),
        ("refs/heads/a@b", "refs/heads/a@b"),
    ],
)
def test_only_credentials_are_taken_out_of_an_address(text, clean):
    """A path may hold an `@`, too."""
    assert without_credentials([text]) == [clean]


def test_an_address_without_credentials_is_left_alone():
    """Nothing is set for it."""
    assert address_of("https://host/o/r.git") is None


def test_a_failure_shows_no_part_of_a_password_with_a_slash(repository, clone):
    """Git prints the address when it fails."""
    git(clone, "remote", "set-url", "origin", f"http://person:pa/ss-{MARK}@127.0.0.1:9/r.git")

    with pytest.raises(ClientError) as caught:
        repository.head()

    assert MARK not in f"{caught.value.what} {caught.value.why} {caught.value.fix}"
    assert "pa/ss" not in caught.value.why
    assert os.environ.get("GIT_CONFIG_COUNT") is None

"""A secret is named, read when it is used, and never shown."""

import shlex
import sys

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret


def reference(code):
    """Return a reference to a command that runs some Python."""
    return f"cmd:{shlex.join([sys.executable, '-c', code])}"


def test_a_command_gives_the_first_line_it_prints():
    """As password managers do: the password first, notes below it."""
    secret = Secret.from_inventory(reference("print('pa ss'); print('note')"))

    assert secret.reveal() == "pa ss"


def test_a_command_is_run_once_in_a_process(tmp_path):
    """A password manager may ask for a fingerprint; it asks once."""
    path = tmp_path / "asked"
    code = f"open({str(path)!r}, 'a').write('x'); print('v')"

    for _ in range(2):
        assert Secret.from_inventory(reference(code)).reveal() == "v"

    assert path.read_text() == "x"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("print('leak' + '-me'); raise SystemExit(3)", "ended with status 3"),
        ("print()", "printed nothing"),
        ("import sys; sys.stdout.buffer.write(b'leak' + b'-me\\xff')", "not UTF-8"),
    ],
)
def test_a_command_that_gives_no_secret_is_told_without_its_output(code, why):
    """What it printed may be half of the secret."""
    with pytest.raises(ClientError) as refused:
        Secret(reference(code)).reveal()

    assert why in refused.value.why
    assert "leak-me" not in str(refused.value)


def test_a_command_that_is_not_there_is_told():
    """The operator's machine lacks the password manager."""
    with pytest.raises(ClientError, match="No such file"):
        Secret("cmd:no-such-password-manager show db").reveal()


@pytest.mark.parametrize("value", ["postgresql://u:p@h/d", "cmd", "", 7, None, "http://x"])
def test_a_bare_value_is_refused(value):
    """It would end up in git."""
    with pytest.raises(ClientError, match="written out instead of named"):
        Secret.from_inventory(value)

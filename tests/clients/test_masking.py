"""A secret value comes back in many forms; in none of them does it leave this process."""

import html
import json
import os
import shlex
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handrail.clients import masking
from handrail.clients.masking import WITHHELD, masked
from handrail.clients.secret import Secret

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=12)
AROUND = st.text(st.sampled_from("abc XYZ 019 '\"/+=&%\n"), max_size=9)
WRITTEN = {
    "as it is": str,
    "in an address": lambda text: quote(text, safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in a shell": lambda text: shlex.quote(text).strip("'"),
    "in a shell in a shell": lambda text: shlex.quote(shlex.quote(text)).strip("'"),
    "in Python": lambda text: repr(text)[1:-1],
    "in a page": html.escape,
    "in hex": lambda text: text.encode().hex(),
    "in hex, upper case": lambda text: text.encode().hex().upper(),
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Begin with no secret."""
    for name in ("_plain", "_variables"):
        monkeypatch.setattr(masking, name, set())
    for name in ("_hidden", "_short", "_heads", "_tails"):
        monkeypatch.setattr(masking, name, {})


def forget():
    """Forget what an example before this one has hidden."""
    for kept in (masking._hidden, masking._short, masking._heads, masking._tails, masking._plain):
        kept.clear()


@pytest.mark.parametrize("how", WRITTEN)
@given(secret=SECRETS, before=AROUND, after=AROUND)
@example(secret='it\'s a/b+c "d" & more', before="", after="")
def test_a_secret_is_masked_however_it_is_written(how, secret, before, after):
    """With anything around it."""
    forget()
    masking.hide(secret)
    written = WRITTEN[how](secret)

    assert written not in masked(before + written + after)
    assert WITHHELD in masked(before + written + after)


@given(secret=SECRETS, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_secret_is_masked_in_base64_at_any_offset(secret, before, after):
    """As in the header of HTTP Basic, after a user's name."""
    forget()
    masking.hide(secret)
    plain = secret.encode()
    for encode in (b64encode, urlsafe_b64encode):
        text = masked(encode(before + plain + after).decode())
        assert WITHHELD in text
        assert len(text.replace(WITHHELD, "")) <= len(before) * 4 / 3 + len(after) * 4 / 3 + 10


@given(
    secret=st.text(st.sampled_from("aB3dE6gH9"), min_size=16, max_size=40),
    data=st.data(),
)
def test_a_secret_that_was_cut_is_masked(secret, data):
    """Its beginning at the end of a text, its end at the beginning; from eight characters on."""
    forget()
    masking.hide(secret)
    kept = data.draw(st.integers(8, len(secret) - 1))
    for text in (
        f"the server said: {secret[:kept]}",
        f"the server said: {secret[:kept]}… and more",
        f"{secret[-kept:]} is what it said",
        f"… {secret[-kept:]} is what it said",
    ):
        assert secret[:8] not in masked(text)
        assert secret[-8:] not in masked(text)


@pytest.mark.parametrize(
    ("secret", "shown", "gone"),
    [
        ("postgresql://app:p/w#rd-42@db/rotc", "postgresql://db is down: p/w#rd-42", "p/w#rd-42"),
        ("postgresql://app:p%40ss-1234@db/rotc", "p@ss-1234 is refused", "p@ss-1234"),
        ("https://ghp_A1b2C3d4E5@github.com/o/r", "to ghp_A1b2C3d4E5@github.com", "ghp_A1b2C3d4E5"),
        ("https://hooks.example/T0/B0/k3yK3yk3yK3yk3y", "POST /T0/B0/k3yK3yk3yK3yk3y", "k3yK3yk3"),
        ('[{"username": "ann", "password": "Xy9-Zz8-Qq"}]', "ann has Xy9-Zz8-Qq", "Xy9-Zz8-Qq"),
        ("host=db user=app password='s3cr et-1'", "it is s3cr et-1", "s3cr et-1"),
    ],
)
def test_of_a_composed_secret_the_secret_part_is_masked_and_the_rest_is_not(secret, shown, gone):
    """Host, database and user name may be told."""
    masking.hide(secret)

    text = masked(shown)

    assert gone not in text
    assert masked("postgresql runs on db, as app of rotc; ann may https://") == (
        "postgresql runs on db, as app of rotc; ann may https://"
    )
    assert masked(f"<{secret}>") == f"<{WITHHELD}>"


def test_words_that_a_secret_begins_with_stay_readable():
    """Unless they stand at a cut, where nobody knows what followed."""
    masking.hide("production-password-77Xk")

    assert masked("production is up, its password is old") == (
        "production is up, its password is old"
    )
    assert masked("production-password-7") == WITHHELD
    assert masked("it says production") == f"it says {WITHHELD}"


def test_what_is_written_in_clear_is_no_secret_though_a_system_hands_it_back():
    """A variable's former value is kept as a secret, whatever it is."""
    masking.allow({"variables": {"DJANGO_SETTINGS_MODULE": "config.settings.production"}})
    Secret.of("config.settings.production").reveal()
    Secret.of("false").reveal()

    assert masked("config.settings.production, false") == "config.settings.production, false"


def test_a_secret_is_known_once_it_is_revealed(monkeypatch):
    """From the environment, from a file, or made at run time."""
    monkeypatch.setenv("CANARY", "yellow-bird-1f")

    Secret("env:CANARY").reveal()
    Secret.of("grey-bird-2e")

    assert masked("yellow-bird-1f grey-bird-2e") == f"{WITHHELD} {WITHHELD}"
    assert masking.masked_data({"a": ["x yellow-bird-1f", 3]}) == {"a": [f"x {WITHHELD}", 3]}


def test_a_child_gets_no_variable_that_holds_a_secret(monkeypatch):
    """It is named in the inventory; whoever needs the value is handed it."""
    monkeypatch.setenv("CANARY", "yellow-bird-1f")
    Secret("env:CANARY")

    clean = masking.clean_environment()

    assert "CANARY" not in clean
    assert clean["PATH"] == os.environ["PATH"]

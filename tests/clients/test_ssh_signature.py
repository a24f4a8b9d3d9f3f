"""Signatures by SSH keys: who signed, what, and for what."""

import subprocess
from pathlib import Path

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.ssh_signature import sign, signer


@pytest.fixture(name="key")
def _key(tmp_path) -> Path:
    return made(tmp_path, "ada")


@pytest.fixture(name="known")
def _known(key) -> dict[str, list[str]]:
    return {"ada": [key.with_suffix(".pub").read_text()]}


def made(folder: Path, name: str, passphrase: str = "") -> Path:
    """Make a key pair."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize("text", ["", "one\n", "ä\u2028", "x" * 100_000])
def test_a_signature_names_who_made_it(key, known, text):
    """Whatever the text: its bytes are signed as they are."""
    assert signer(text, sign(text, str(key), "a"), known, "a") == "ada"


def test_a_signature_is_good_for_its_text_and_its_purpose(key, known):
    """One letter is enough; and a proof's signature approves nothing."""
    signed = sign("one", str(key), "a")

    assert signer("two", signed, known, "a") == ""
    assert signer("one", signed, known, "b") == ""


def test_a_strangers_signature_is_nobodys(tmp_path, known):
    """Whoever is not known is nobody."""
    assert signer("one", sign("one", str(made(tmp_path, "eve")), "a"), known, "a") == ""


@pytest.mark.parametrize("signature", ["", "-----BEGIN SSH SIGNATURE-----\nx\n", "é"])
def test_what_is_no_signature_is_nobodys(known, signature):
    """A file that was cut or mixed up is not taken, and not a traceback."""
    assert signer("one", signature, known, "a") == ""


def test_a_key_that_is_not_there_is_told(tmp_path):
    """With what makes one."""
    with pytest.raises(ClientError, match="there is no key"):
        sign("one", str(tmp_path / "none"), "a")

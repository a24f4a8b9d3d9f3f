"""Signatures by SSH keys: who signed, what, and for what."""

import subprocess
from pathlib import Path

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.signing import sign, signer


@pytest.fixture(name="key")
def _key(tmp_path) -> Path:
    return made(tmp_path, "ada")


@pytest.fixture(name="signers")
def _signers(tmp_path, key) -> Path:
    file = tmp_path / "signers"
    file.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    return file


def made(folder: Path, name: str, passphrase: str = "") -> Path:
    """Make a key pair."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize("text", ["", "one\n", "ä\u2028\r\n", "x" * 100_000])
def test_a_signature_names_who_made_it(key, signers, text):
    """Whatever the text: its bytes are signed as they are."""
    assert signer(text, sign(text, key, "a"), signers, "a") == "ada@example.org"


def test_a_changed_text_is_not_taken(key, signers):
    """One letter is enough."""
    with pytest.raises(ClientError, match=r"not ada@example\.org's for this text"):
        signer("two", sign("one", key, "a"), signers, "a")


def test_a_signature_is_good_for_one_thing(key, signers):
    """A proof's signature approves nothing."""
    with pytest.raises(ClientError, match="as `b`"):
        signer("one", sign("one", key, "a"), signers, "b")


def test_a_strangers_signature_is_not_taken(tmp_path, signers):
    """Whoever the file does not name is nobody."""
    with pytest.raises(ClientError, match="none that"):
        signer("one", sign("one", made(tmp_path, "mallory"), "a"), signers, "a")


@pytest.mark.parametrize("signature", ["", "-----BEGIN SSH SIGNATURE-----\nx\n", "é"])
def test_what_is_no_signature_is_told(signers, signature):
    """A file that was cut or mixed up is not taken, and not a traceback."""
    with pytest.raises(ClientError, match="was not taken"):
        signer("one", signature, signers, "a")


def test_a_key_that_cannot_sign_is_told(tmp_path):
    """No such key, and a key with a passphrase that nobody can type."""
    with pytest.raises(ClientError, match="no such file"):
        sign("one", tmp_path / "none", "a")
    with pytest.raises(ClientError, match="nothing was signed"):
        sign("one", made(tmp_path, "locked", passphrase="secret"), "a")

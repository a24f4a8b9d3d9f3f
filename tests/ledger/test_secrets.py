"""The vault: a sealed value is in its directory and nowhere else."""

import json
import os
import shutil
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable
from handrail.ledger.secrets import Vault
from tests.ledger.script import CANARY, cutover


def test_sealed_value_comes_back(tmp_path):
    """A rollback gets the very value, in another process, too."""
    name = Vault(tmp_path / "v").seal(CANARY)

    assert Vault(tmp_path / "v").unseal(name) == CANARY


@given(value=st.text())
def test_any_value_comes_back(tmp_path_factory, value):
    """Any text can be a secret, bytes of another encoding included."""
    vault = Vault(tmp_path_factory.mktemp("vault") / "v")

    assert vault.unseal(vault.seal(value)) == value


def test_value_is_nowhere_outside_the_vault(tmp_path):
    """Ledger and logs know a keyed digest; neither the value nor its plain hash."""
    script = cutover(tmp_path / "lab.sqlite")

    holders = {
        path.parent.name
        for path in tmp_path.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    }

    assert holders == {script.vault.directory.name}
    assert script.vault.directory == tmp_path / "lab.sealed"


def test_vault_is_private(tmp_path):
    """Directory 0700 and files 0600, whatever the umask, and where the directory was open."""
    (tmp_path / "v").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        Vault(tmp_path / "v").seal(CANARY)
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "v").iterdir()}
    assert stat.S_IMODE((tmp_path / "v").stat().st_mode) == 0o700
    assert modes == {0o600}


def test_sealing_twice_gives_the_same_name(tmp_path):
    """Equal secrets are seen as equal; another vault names them otherwise."""
    vault = Vault(tmp_path / "v")

    assert vault.seal(CANARY) == vault.seal(CANARY)
    assert vault.seal(CANARY) != vault.seal(CANARY + "!")
    assert vault.seal(CANARY) != Vault(tmp_path / "w").seal(CANARY)


@pytest.mark.parametrize("content", [json.dumps("another"), "", "[1]", '"\\ud8'])
def test_wrong_content_is_found(tmp_path, content):
    """A rollback never puts back what was not sealed."""
    vault = Vault(tmp_path / "v")
    name = vault.seal(CANARY)
    (tmp_path / "v" / name).write_text(content)

    with pytest.raises(LedgerDamaged, match=name[:12]) as refusal:
        vault.unseal(name)

    assert "another" not in str(refusal.value)


def test_lost_value_is_told(tmp_path):
    """A file that is gone is named, with the way to get it back."""
    vault = Vault(tmp_path / "v")
    name = vault.seal(CANARY)
    (tmp_path / "v" / name).unlink()

    with pytest.raises(LedgerDamaged, match="No such file"):
        vault.unseal(name)


def test_lost_key_is_told(tmp_path):
    """A new key in place of a lost one would make every value look forged."""
    Vault(tmp_path / "v").seal(CANARY)
    (tmp_path / "v" / "key").unlink()

    with pytest.raises(LedgerDamaged, match="their key is gone"):
        Vault(tmp_path / "v").digest(CANARY)


def test_short_key_is_told(tmp_path):
    """A torn key would make digests that can be guessed."""
    Vault(tmp_path / "v").seal(CANARY)
    (tmp_path / "v" / "key").write_bytes(b"")

    with pytest.raises(LedgerDamaged, match="0 bytes, not 32"):
        Vault(tmp_path / "v").digest(CANARY)


def test_planning_writes_nothing(tmp_path):
    """A plan compares secrets and leaves no file."""
    vault = Vault(tmp_path / "v", planning=True)

    assert vault.digest(CANARY) == vault.digest(CANARY)
    assert list(tmp_path.iterdir()) == []


def test_planning_sees_what_was_sealed(tmp_path):
    """With a key on disk, a plan's digests are those of the run."""
    assert Vault(tmp_path / "v").digest(CANARY) == Vault(tmp_path / "v", planning=True).digest(
        CANARY
    )


def test_vault_that_takes_no_file_is_told(tmp_path):
    """What could not be put back is not done."""
    (tmp_path / "v").write_text("in the way")

    with pytest.raises(LedgerUnwritable, match="not sealed"):
        Vault(tmp_path / "v").seal(CANARY)


@pytest.mark.parametrize("planning", [True, False])
@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (shutil.rmtree, "its folder is gone"),
        (lambda vault: (vault / "key").unlink(), "its key is gone"),
        (lambda vault: (vault / "key").write_bytes(bytes(32)), "not the one that the ledger"),
    ],
)
def test_vault_that_the_ledger_was_written_with_is_missed(tmp_path, planning, loss, told):
    """A plan misses it as well as a run; no new key takes the place of the one that is gone."""
    vault = Vault(tmp_path / "v")
    known = vault.fingerprint()
    loss(tmp_path / "v")

    with pytest.raises(LedgerDamaged, match=told):
        Vault(tmp_path / "v", planning=planning, known=known).fingerprint()

"""Digests of secrets, and the sealed file for secret values that a rollback needs again."""

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable

KEY_BYTES = 32
FINGERPRINT = "the vault of a ledger"  # what is digested for it; no secret


class Vault:
    """A 0600 key and a 0600 directory beside a ledger.

    Args:
        directory: Where they live; made at the first write.
        planning: Write nothing: without a key on disk, digests are made with a passing one.
        known: Fingerprint of the vault that the ledger was written with; empty before the first.
    """

    def __init__(self, directory: Path, *, planning: bool = False, known: str = "") -> None:
        self.directory = directory
        self.planning = planning
        self.known = known
        self._key: bytes | None = None

    @classmethod
    def beside(cls, ledger: Path, *, planning: bool = False, known: str = "") -> "Vault":
        """Return the vault that belongs to a ledger file."""
        return cls(ledger.with_suffix(".sealed"), planning=planning, known=known)

    def fingerprint(self) -> str:
        """Return what tells this vault's key from any other, and nothing about it.

        Raises:
            LedgerDamaged: the vault that the ledger was written with is gone, or is another one.
        """
        return self.digest(FINGERPRINT)

    def digest(self, value: str) -> str:
        """Return a keyed digest: equal secrets are seen as equal, and none can be guessed."""
        plain = value.encode("utf-8", "surrogatepass")
        return hmac.new(self._read_key(), plain, hashlib.sha256).hexdigest()

    def seal(self, value: str) -> str:
        """Keep a secret value on disk, synced, and return the name to ask for it.

        Sealing the same value again returns the same name.

        Raises:
            LedgerUnwritable: the directory does not accept it.
        """
        name = self.digest(value)
        path = self.directory / name
        if not path.exists():
            self._write(path, json.dumps(value).encode())
        return name

    def unseal(self, name: str) -> str:
        """Return a sealed value.

        Raises:
            LedgerDamaged: it is gone, or not what was sealed.
        """
        try:
            value = json.loads((self.directory / name).read_text())
        except OSError as error:
            raise self._lost(name, f"{error.strerror}") from None
        except ValueError:
            raise self._lost(name, "its content cannot be read") from None
        if not isinstance(value, str) or self.digest(value) != name:
            raise self._lost(name, "its content does not match its name")
        return value

    def _read_key(self) -> bytes:
        if self._key is not None:
            return self._key
        path = self.directory / "key"
        try:
            if not path.exists():
                self._refuse_lost()
                fresh = secrets.token_bytes(KEY_BYTES)
                if self.planning:
                    self._key = fresh
                    return fresh
                self._write(path, fresh)
            key = path.read_bytes()
        except OSError as error:
            raise self._unopened(f"its key cannot be read: {error.strerror}") from None
        if len(key) != KEY_BYTES:
            raise self._unopened(f"its key has {len(key)} bytes, not {KEY_BYTES}")
        self._key = key
        if self.known and self.fingerprint() != self.known:
            self._key = None
            raise self._unopened("its key is not the one that the ledger was written with")
        return key

    def _refuse_lost(self) -> None:
        """Raise where there was a key: a new one would open nothing that is there."""
        if self.known:
            what = "its key" if self.directory.exists() else "its folder"
            raise self._unopened(f"the ledger was written with it, and {what} is gone")
        if any(self.directory.glob("[!.]*")):
            raise self._unopened("there are sealed values, and their key is gone")

    def _write(self, path: Path, content: bytes) -> None:
        """Put a file there whole, synced, for this user alone; one that is there stays."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.directory.mkdir(parents=True, mode=0o700, exist_ok=True)
            self.directory.chmod(0o700)  # where it was there, or the umask is odd
            descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process made it first
                os.link(draft, path)
            draft.unlink()
            folder = os.open(self.directory, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise LedgerUnwritable(
                f"a secret was not sealed in `{self.directory}`",
                f"{error.strerror}; nothing is done that could not be put back",
                f"see `ls -ld {self.directory}` and `df -h {self.directory.parent}`",
            ) from None

    def _lost(self, name: str, why: str) -> LedgerDamaged:
        return LedgerDamaged(
            f"sealed value `{name[:12]}…` cannot be given back",
            why,
            f"restore `{self.directory}` from its backup, then the same command again",
        )

    def _unopened(self, why: str) -> LedgerDamaged:
        return LedgerDamaged(
            f"vault `{self.directory}` was not opened",
            why,
            f"restore `{self.directory}` from its backup, then the same command again",
        )

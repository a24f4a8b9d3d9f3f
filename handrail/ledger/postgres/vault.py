"""Sealed values in a team's ledger: under a key that each operator holds, and the server never."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.postgres.server import Link, Server
from handrail.ledger.secrets import KEY_BYTES, Vault

NONCE_BYTES = 12  # of AES-GCM; NIST SP 800-38D
SHORTEST = 32  # characters of a key: fewer could be guessed


class Values:
    """Sealed values as they lie on the server."""

    def __init__(self, server: Server) -> None:
        self._link = Link(server)

    def get(self, name: str) -> bytes | None:
        """Return one; None where there is none of that name."""
        found = self._link.ask("SELECT value FROM sealed WHERE name = %s", (name,))
        return bytes(found[0][0]) if found else None

    def names(self) -> list[str]:
        """Return the names of all of them."""
        return [str(name) for (name,) in self._link.ask("SELECT name FROM sealed ORDER BY name")]

    def put(self, name: str, value: bytes) -> None:
        """Keep one; on disk when this returns, and one that is there stays."""
        with self._link.transaction(durable=True) as db:
            query = "INSERT INTO sealed VALUES (%s, %s) ON CONFLICT DO NOTHING"
            db.execute(query, (name, value))


class ServerVault(Vault):
    """A vault whose values lie in the ledger's database, each encrypted (AES-256-GCM).

    Args:
        values: Where values lie; a plan made before the first run puts none there.
        file: Where this operator's key lies, unless it is read elsewhere; made at the first write.
        read: Reads the key elsewhere: a file, a password manager. None takes the file.
        planning: Write nothing: without a key, digests are made with a passing one.
        known: Fingerprint of the key that the ledger was written with; empty before the first.
    """

    def __init__(
        self,
        values: Values,
        file: Path,
        read: Callable[[], str] | None = None,
        *,
        planning: bool = False,
        known: str = "",
    ) -> None:
        super().__init__(file.parent, planning=planning, known=known)
        self._values, self._file, self._read = values, file, read

    def seal(self, value: str) -> str:
        """Keep a secret value in the ledger, and return the name to ask for it.

        Raises:
            LedgerUnwritable: the server does not take it.
        """
        name = self.digest(value)
        if self._values.get(name) is None:
            nonce = os.urandom(NONCE_BYTES)
            said = json.dumps(value).encode()
            sealed = AESGCM(self._sealing()).encrypt(nonce, said, name.encode())
            self._values.put(name, nonce + sealed)
        return name

    def unseal(self, name: str) -> str:
        """Return a sealed value.

        Raises:
            LedgerDamaged: it is gone, or not what was sealed.
        """
        kept = self._values.get(name)
        if kept is None:
            raise self._lost(name, "the ledger does not hold it any more")
        nonce, sealed = kept[:NONCE_BYTES], kept[NONCE_BYTES:]
        try:
            opened = AESGCM(self._sealing()).decrypt(nonce, sealed, name.encode())
        except (InvalidTag, ValueError):
            raise self._lost(name, "it is not what was sealed") from None
        return str(json.loads(opened))

    def _sealing(self) -> bytes:
        """Return the key that encrypts: derived, so that digests tell nothing about it."""
        return hmac.new(self._read_key(), b"sealed values of a ledger", hashlib.sha256).digest()

    def _read_key(self) -> bytes:
        if self._key is None:
            self._key = self._found_key()
            if self.known and self.fingerprint() != self.known:
                self._key = None
                raise self._unopened("this key is not the one that the ledger was written with")
        return self._key

    def _found_key(self) -> bytes:
        text = self._read() if self._read else self._own_key()
        if text is None:
            return secrets.token_bytes(KEY_BYTES)
        if len(text.strip()) < SHORTEST:
            raise self._unopened(f"this key has fewer than {SHORTEST} characters")
        return hashlib.sha256(text.strip().encode()).digest()

    def _own_key(self) -> str | None:
        """Return the key of the file, made where this is the first writer; None while planning."""
        try:
            if not self._file.exists():
                if self.known:
                    raise self._unopened(f"there is no key in `{self._file}`")
                if self.planning:
                    return None
                self._make_key()
            return self._file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise self._unopened(f"the key in `{self._file}` cannot be read: {error}") from None

    def _make_key(self) -> None:
        """Put a new key there, for this user alone; one that appeared meanwhile stays."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            place = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(place, "w", encoding="ascii") as file:
                file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
                file.flush()
                os.fsync(file.fileno())

    def _lost(self, name: str, why: str) -> LedgerDamaged:
        return LedgerDamaged(
            f"sealed value `{name[:12]}…` cannot be given back",
            why,
            "restore the ledger's schema from its backup, then the same command again",
        )

    def _unopened(self, why: str) -> LedgerDamaged:
        place = f"put it into `{self._file}` (mode 0600) or name it in the inventory: "
        named = "let `ledger_key` of the inventory, or LEDGER_KEY where that is set, name it: "
        return LedgerDamaged(
            "the secrets of the ledger were not opened",
            f"{why}; each operator holds the same key",
            f"get the key from who made the first run, and {named if self._read else place}"
            '`ledger_key = "file:PATH"` or `"cmd:COMMAND"`',
        )

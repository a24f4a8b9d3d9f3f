"""Sealed values in a team's ledger: under a key that each operator holds, and the server never."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.postgres.server import Link, Server
from handrail.ledger.secrets import FINGERPRINT, KEY_BYTES, Vault

NONCE_BYTES = 12  # of AES-GCM; NIST SP 800-38D
SHORTEST = 32  # characters of a key: fewer could be guessed
DIGESTS = "key"  # under which the key of digests lies, once the operators' key is another
REKEYED = "rekeyed "  # before the fingerprint of that other key; no program of before takes it


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
        query = "SELECT name FROM sealed WHERE name <> %s ORDER BY name"
        return [str(name) for (name,) in self._link.ask(query, (DIGESTS,))]

    def put(self, name: str, value: bytes) -> None:
        """Keep one; on disk when this returns, and one that is there stays."""
        with self._link.transaction(durable=True) as db:
            query = "INSERT INTO sealed VALUES (%s, %s) ON CONFLICT DO NOTHING"
            db.execute(query, (name, value))


class ServerVault(Vault):
    """A vault whose values lie in the ledger's database, each encrypted (AES-256-GCM).

    Digests are in the chain and stay, so the key that they are made with is the operators' first
    one for ever. Once they hold another, it lies sealed under that, beside the values.

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
        self._own = b""  # the operators' key, once it was read

    def seal(self, value: str) -> str:
        """Keep a secret value in the ledger, and return the name to ask for it.

        Raises:
            LedgerUnwritable: the server does not take it.
        """
        name = self.digest(value)
        if self._values.get(name) is None:
            self._values.put(name, _sealed(self._own, name, json.dumps(value).encode()))
        return name

    def unseal(self, name: str) -> str:
        """Return a sealed value.

        Raises:
            LedgerDamaged: it is gone, or not what was sealed.
        """
        kept = self._values.get(name)
        if kept is None:
            raise self._lost(name, "the ledger does not hold it any more")
        self._read_key()
        return str(json.loads(self._opened(name, kept)))

    def under(self, key: str, kept: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
        """Return what lies sealed as it lies under another key of the operators.

        Args:
            key: The other one, as an operator holds it.
            kept: The values that lie sealed, by name.

        Returns:
            The fingerprint that the ledger is known by then; and the values by name, the key of
            digests among them.

        Raises:
            LedgerDamaged: this vault's key does not open it, or the other one is too short.
        """
        digests, other = self._read_key(), self._hashed(key)
        values = {name: self._opened(name, each) for name, each in kept.items()}
        sealed = {name: _sealed(other, name, each) for name, each in values.items()}
        return REKEYED + _print(other), sealed | {DIGESTS: _sealed(other, DIGESTS, digests)}

    def _opened(self, name: str, kept: bytes) -> bytes:
        nonce, value = kept[:NONCE_BYTES], kept[NONCE_BYTES:]
        try:
            return _cipher(self._own).decrypt(nonce, value, name.encode())
        except (InvalidTag, ValueError):
            raise self._lost(name, "it is not what was sealed") from None

    def _read_key(self) -> bytes:
        """Return the key of digests: the operators' own, unless that is another by now."""
        if self._key is None:
            own = self._found_key()
            if self.known and _print(own) != self.known.removeprefix(REKEYED):
                changed = ", or was changed since" if self.known.startswith(REKEYED) else ""
                why = f"this key is not the one that the ledger was written with{changed}"
                raise self._unopened(why)
            self._own = own
            self._key = self._digesting() if self.known.startswith(REKEYED) else own
        return self._key

    def _digesting(self) -> bytes:
        """Return the key of digests, which lies sealed under the operators' key of today."""
        sealed = self._values.get(DIGESTS)
        if sealed is None:
            raise self._lost(DIGESTS, "the ledger does not hold it any more")
        return self._opened(DIGESTS, sealed)

    def _found_key(self) -> bytes:
        text = self._read() if self._read else self._own_key()
        return secrets.token_bytes(KEY_BYTES) if text is None else self._hashed(text)

    def _hashed(self, text: str) -> bytes:
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
                make_key(self._file)
            return self._file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise self._unopened(f"the key in `{self._file}` cannot be read: {error}") from None

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


def make_key(file: Path) -> None:
    """Put a new key into a file, for this user alone; one that is there stays.

    Raises:
        OSError: the file cannot be made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        place = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(place, "w", encoding="ascii") as made:
            made.write(f"{secrets.token_hex(KEY_BYTES)}\n")
            made.flush()
            os.fsync(made.fileno())


def _print(own: bytes) -> str:
    """Return what tells an operators' key from any other, and nothing about it."""
    return hmac.new(own, FINGERPRINT.encode(), hashlib.sha256).hexdigest()


def _cipher(own: bytes) -> AESGCM:
    """Return what encrypts under an operators' key: derived, so that digests tell nothing of it."""
    return AESGCM(hmac.new(own, b"sealed values of a ledger", hashlib.sha256).digest())


def _sealed(own: bytes, name: str, value: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(own).encrypt(nonce, value, name.encode())

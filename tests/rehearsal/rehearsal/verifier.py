"""What a PostgreSQL server keeps of a password."""

import hashlib
import hmac
import secrets
from base64 import b64encode

ROUNDS = 1


def verifier(password: str) -> str:
    """Return a SCRAM-SHA-256 verifier, to be given where a password is set.

    PostgreSQL's own has 4,096 rounds, which slow down whoever guesses at a stolen table. Here the
    passwords are random, and the rounds would slow down every session, on both of its ends.

    Source: https://www.rfc-editor.org/rfc/rfc5802#section-3, and
    https://www.postgresql.org/docs/current/catalog-pg-authid.html for the form.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    said, kept, proves = (b64encode(each).decode() for each in (salt, stored, server))
    return f"SCRAM-SHA-256${ROUNDS}:{said}${kept}:{proves}"

"""Hash and check passwords exactly as the Node server did."""

import bcrypt

# bcrypt reads no further; Node's library cuts in silence, Python's raises from version 5 on.
SIGNIFICANT_BYTES = 72
ROUNDS = 10


def matches(password: str, stored: str) -> bool:
    """Say whether a password is the stored one; what is no bcrypt hash matches nothing."""
    try:
        return bcrypt.checkpw(_significant(password), stored.encode())
    except ValueError:  # a plaintext, truncated or prefixed hash: "Invalid salt"
        return False


def hashed(password: str) -> str:
    """Return the bcrypt hash to store for a password."""
    return bcrypt.hashpw(_significant(password), bcrypt.gensalt(ROUNDS)).decode()


def _significant(password: str) -> bytes:
    return password.encode()[:SIGNIFICANT_BYTES]

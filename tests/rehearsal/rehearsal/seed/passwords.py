"""The stored passwords of the seed: real hashes of known passwords, and the spoilt ones."""

from dataclasses import dataclass
from random import Random

ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
PREFIXES = ("$2a$", "$2b$", "$2y$")
# What the old server would hash to 60 characters, as two accounts really hold it.
PLAINTEXT = "changeme123"
TRUNCATED = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGx"


@dataclass(frozen=True)
class Canary:
    """An account whose password is known, so that a login can be tried before and after."""

    username: str
    password: str
    role: str
    stored: str


# Cost 4 keeps a login below a millisecond; the hashes were made with bcrypt's own library.
CANARIES = (
    Canary(
        "canary.admin",
        "Admin-2025!",
        "admin",
        "$2b$04$Fk2UotvDWl47JQSonwkuT.XgxTXHRqXtS0ogziBAP2Z4MSsiG5FAu",
    ),
    Canary(
        "canary.cadet",
        "Cadet-2a-pass",
        "cadet",
        "$2a$04$OQCUDetBRLmUVEejUB45ru4C0C/0KvJwSBk5OgVpIy4ZRpVp97R4K",
    ),
    Canary(
        "canary.staff",
        "Staff-2b-pass",
        "training_staff",
        "$2b$04$wp.P12wNGeQ4xiWRQVCbnOgVPShinrZ7Zw.qgdtkt4f1ceD/VF.IO",
    ),
    Canary(
        "canary.cadet.2y",
        "Cadet-2y-pass",
        "cadet",
        "$2y$04$VjhQYBSsiX1QIsDkL6GUneYCX6ssz4GVMnEvpeQesvBM1xi67iP6e",
    ),
    Canary(
        "canary.staff.utf8",
        "Sampaguita-\u00f1-\u65e5\u672c-\U0001f33a",
        "training_staff",
        "$2b$04$Zs9Wa5QomOohCm7AeJJtL.YHwePPzbKGKgDm0SKg8EnuoHZjxktYq",
    ),
    # Past byte 72 bcrypt reads no further: Node cuts the password there without a word.
    Canary(
        "canary.cadet.long",
        "a very long passphrase that a cadet pasted from somewhere, "
        "well past the seventy-second byte of it",
        "cadet",
        "$2b$04$UyZ04nJJ837zTx8kxC9yyO9HJySrBuo43qtvUgIXLBEL9WQnYn2Ze",
    ),
)


def hash_of_unknown_password(random: Random) -> str:
    """Return a well-formed bcrypt hash of a password nobody knows.

    The last character of the salt carries two bits, that of the digest four: the rest must be
    zero, or a strict reader of the format refuses it.
    """
    characters = [ALPHABET[int(random.random() * 64)] for _ in range(53)]
    characters[21] = ALPHABET[int(random.random() * 4) * 16]
    characters[52] = ALPHABET[int(random.random() * 16) * 4]
    return PREFIXES[int(random.random() * 3)] + "10$" + "".join(characters)

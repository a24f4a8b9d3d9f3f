"""Reading seals back, to verify a ledger against them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from handrail.cli.out import Misused
from handrail.clients import ssh_signature
from handrail.clients.outside_copies import noted
from handrail.ledger.errors import RunbookError
from handrail.ledger.seal import NAMESPACE, Seal

_KINDS = ("ssh-", "ecdsa-", "sk-")  # how a public key begins


def good_seals(places: Sequence[str], signers: str) -> list[Seal]:
    """Return the seals of files, folders and git notes.

    Args:
        places: Files, folders of them, and ``git:REPOSITORY``.
        signers: File of who may sign: a public key, or OpenSSH's file of allowed signers.

    Raises:
        Misused: a place has no seal, or nobody is named who may sign.
        RunbookError: a seal was changed, or is signed by somebody else.
    """
    if not places:
        return []
    if not signers:
        what, why = "the ledger was not verified", "nobody is named who may have signed its seal"
        raise Misused(what, why, "add `--signers FILE`: a public key, or a file of allowed signers")
    known = _known(Path(signers))
    return [_good(text, name, known) for place in places for name, text in _envelopes(place)]


def _envelopes(place: str) -> list[tuple[str, str]]:
    """Return the seals of one place, each with what it is called.

    Raises:
        Misused: there is none.
    """
    found = _noted(place) if place.startswith("git:") else _written(Path(place))
    if not found:
        why = f"there is no seal in `{place}`"
        raise Misused("the ledger was not verified", why, "name what `handrail seal` wrote")
    return found


def _written(place: Path) -> list[tuple[str, str]]:
    files = sorted(place.glob("*.json")) if place.is_dir() else [place]
    there = [path for path in files if path.is_file()]
    return [(str(path), path.read_text(encoding="utf-8", errors="replace")) for path in there]


def _noted(place: str) -> list[tuple[str, str]]:
    """Read the notes of a repository; each may hold several seals, one after the other."""
    notes = "\n".join(noted(Path(place.removeprefix("git:")).expanduser()))
    parts = [part for part in re.split(r"(?m)^(?={)", notes) if part.strip()]
    return [(f"{place}, seal {number}", part) for number, part in enumerate(parts, start=1)]


def _good(text: str, name: str, known: Mapping[str, Sequence[str]]) -> Seal:
    found = Seal.read(text, name)
    if not ssh_signature.signer(found.signed, found.signature, known, NAMESPACE):
        raise RunbookError(
            "the ledger is not proven by its seal",
            f"`{name}` was changed, or is signed by none of those who may",
            "fetch the seal again from where it was put, or name its signer with `--signers`",
        )
    return found


def _known(path: Path) -> dict[str, list[str]]:
    """Return who may sign: by name, public keys."""
    found: dict[str, list[str]] = {}
    for words in map(str.split, _lines(path)):
        at = _key_in(words)
        if at is None:
            why = f"`{path}`: a line of it names no key, or an option that is not heeded here"
            raise Misused("the ledger was not verified", why, "write `NAME ssh-ed25519 AAAA…`")
        key, comment = words[at : at + 2], [*words[at + 2 :], "signer"][0]
        found.setdefault((words[0] if at else comment).strip('"'), []).append(" ".join(key))
    return found


def _lines(path: Path) -> Iterator[str]:
    """Return the lines of a file that say something."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        why = f"`{path}`: {error.strerror}"
        raise Misused("the ledger was not verified", why, "correct `--signers`") from None
    return (line for line in lines if line.strip() and not line.startswith("#"))


def _key_in(words: Sequence[str]) -> int | None:
    """Return where a key begins in a line; None where none does, or an unknown option is before."""
    at = next((place for place, word in enumerate(words) if word.startswith(_KINDS)), 0)
    options = words[1:at]
    if not words[at].startswith(_KINDS) or not all(map(_is_heeded, options)):
        return None
    return at


def _is_heeded(option: str) -> bool:
    return option.startswith("namespaces=")

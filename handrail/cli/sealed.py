"""Reading seals back, to verify a ledger against them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from handrail.cli.out import Misused
from handrail.clients import ssh_signature
from handrail.ledger.errors import RunbookError
from handrail.ledger.seal import NAMESPACE, Seal


def good_seals(places: Sequence[str], signers: str) -> list[Seal]:
    """Return the seals of files and folders.

    Args:
        places: Files, and folders of them.
        signers: File of who may sign: a public key, or OpenSSH's file of allowed signers.

    Raises:
        Misused: a place has no seal, or nobody is named who may sign.
        RunbookError: a seal was changed, or is signed by somebody else.
    """
    if places and not signers:
        what, why = "the ledger was not verified", "nobody is named who may have signed its seal"
        raise Misused(what, why, "add `--signers FILE`: a public key, or a file of allowed signers")
    known = _known(Path(signers)) if places else {}
    return [_good(path, known) for place in places for path in _files(Path(place))]


def _files(place: Path) -> list[Path]:
    found = sorted(place.glob("*.json")) if place.is_dir() else [place]
    if not found or not all(path.is_file() for path in found):
        why = f"there is no seal in `{place}`"
        raise Misused("the ledger was not verified", why, "name what `handrail seal` wrote")
    return found


def _good(path: Path, known: Mapping[str, Sequence[str]]) -> Seal:
    found = Seal.read(path.read_text(encoding="utf-8", errors="replace"), str(path))
    if not ssh_signature.signer(found.signed, found.signature, known, NAMESPACE):
        raise RunbookError(
            "the ledger is not proven by its seal",
            f"`{path}` was changed, or is signed by none of those who may",
            "fetch the seal again from where it was put, or name its signer with `--signers`",
        )
    return found


def _known(path: Path) -> dict[str, list[str]]:
    """Return who may sign: by name, public keys."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        why = f"`{path}`: {error.strerror}"
        raise Misused("the ledger was not verified", why, "correct `--signers`") from None
    found: dict[str, list[str]] = {}
    for words in (line.split() for line in lines if line.strip() and not line.startswith("#")):
        bare = words[0].startswith(("ssh-", "ecdsa-", "sk-"))
        key = words if bare else words[1:]
        name = (words[2] if len(words) > 2 else "signer") if bare else words[0]  # noqa: PLR2004
        found.setdefault(name.strip('"'), []).append(" ".join(key[:2]))
    return found

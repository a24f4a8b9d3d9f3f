"""Where proofs of drills are found: in ledgers, and in signed files that travelled."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from handrail.clients import ssh_signature
from handrail.clients.errors import ClientError
from handrail.clients.private_folder import write
from handrail.ledger.errors import RunbookError
from handrail.ledger.location import shown
from handrail.ledger.proof import Proof, prove
from handrail.ledger.store import SqliteLedger

NAMESPACE = "handrail-proof"
SUFFIX = ".proof.json"

Signers = Mapping[str, Sequence[str]]


def keep(proof: Proof, folder: Path, key: str = "") -> Path:
    """Write a proof as a file, signed where there is a key.

    Returns:
        Its path; the signature lies beside it, under the same name with ``.sig``.

    Raises:
        ClientError: it cannot be signed.
        OSError: it cannot be written.
    """
    text = json.dumps(proof.as_json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    path = folder / f"{proof.drill}{SUFFIX}"
    signature = ssh_signature.sign(text, key, NAMESPACE) if key else ""
    write(path, text)
    if signature:
        write(_signature(path), signature)
    return path


def found_proofs(places: Sequence[Path], runbook: str, signers: Signers) -> Iterator[Proof | str]:
    """Yield the proofs of a runbook, and why some place has none that can be taken.

    Args:
        places: Files, folders of files, and ledgers.
        runbook: Its name.
        signers: Whose signature counts on a file: by name, public keys; empty takes no file.
    """
    for place in places:
        if place.is_dir():
            for each in sorted(place.glob(f"*{SUFFIX}")):
                yield from _of_file(each, runbook, signers)
        elif place.name.endswith(SUFFIX):
            yield from _of_file(place, runbook, signers)
        else:
            yield from _of_ledger(place, runbook)


def _of_ledger(place: Path, runbook: str) -> Iterator[Proof | str]:
    if not place.exists():
        yield f"there is no ledger `{shown(place)}`"
        return
    try:
        yield prove(SqliteLedger(place), runbook)
    except RunbookError as error:
        yield f"`{shown(place)}` was not read: {error.why}"


def _of_file(place: Path, runbook: str, signers: Signers) -> Iterator[Proof | str]:
    if not signers:
        yield f"`{shown(place)}` is a file, and the inventory names no `signers` who may sign one"
        return
    try:
        text = place.read_text(encoding="utf-8")
        signature = _signature(place).read_text(encoding="utf-8")
        if not ssh_signature.signer(text, signature, signers, NAMESPACE):
            yield f"`{shown(place)}` was changed, or is signed by none of the inventory's `signers`"
            return
        found = Proof.read(json.loads(text))
    except ClientError as error:
        yield f"`{shown(place)}`: {error.what}: {error.why}"
    except OSError:
        yield f"`{shown(place)}` has no signature beside it that can be read"
    except (KeyError, TypeError, ValueError):
        yield f"`{shown(place)}` is not a proof"
    else:
        if found.runbook == runbook:
            yield found


def _signature(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")

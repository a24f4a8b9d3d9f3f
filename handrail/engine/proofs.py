"""Where proofs of drills are found: in ledgers, and in signed files that travelled."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handrail.clients import ssh_signature
from handrail.clients.errors import ClientError
from handrail.clients.ledger_address import address_of
from handrail.clients.private_folder import write
from handrail.engine.signers import Signers
from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.location import shown
from handrail.ledger.neighbours import neighbours
from handrail.ledger.proof import Proof, prove

NAMESPACE = "handrail-proof"
SUFFIX = ".proof.json"


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


@dataclass(frozen=True)
class Places:
    """Where an environment looks for proofs.

    Args:
        named: What its inventory names: files, folders of files, and ledgers, as a path, an
            address, or where that stands (`env:NAME`); None where it names nothing.
        project: The folder that paths begin in.
        kept: Its own ledger; where nothing is named, those beside it are asked.
    """

    named: tuple[str, ...] | None
    project: Path
    kept: Kept

    def ledgers(self) -> Iterator[Kept | str]:
        """Yield the ledgers among them, and why what should be one is none."""
        if self.named is None:
            yield from neighbours(self.kept)
        for each in self.named or ():
            if self._file(each) is None:
                yield self._ledger(each)

    def files(self) -> Iterator[Path]:
        """Yield the files among them, those of folders too."""
        for path in filter(None, map(self._file, self.named or ())):
            yield from sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]

    def _file(self, named: str) -> Path | None:
        """Return a place as a file of proofs, or a folder of them; None where it is neither."""
        path = self.project / named
        return path if path.is_dir() or named.endswith(SUFFIX) else None

    def _ledger(self, named: str) -> Kept | str:
        try:
            kept = Kept.at(address_of(named), self.project, "")
        except (ClientError, RunbookError) as error:
            return f"{error.what}: {error.why}"
        missing = kept.server is None and not kept.file.exists()
        return f"there is no ledger `{kept}`" if missing else kept


def found_proofs(places: Places, runbook: str, signers: Signers) -> Iterator[Proof | str]:
    """Yield the proofs of a runbook, and why some place has none that can be taken.

    Args:
        places: Where to look.
        runbook: Its name.
        signers: Whose signature counts on a file: by name, public keys; empty takes no file.
    """
    yield from carried_proofs(places, runbook, signers)
    for kept in places.ledgers():
        yield kept if isinstance(kept, str) else _of_ledger(kept, runbook)


def carried_proofs(places: Places, runbook: str, signers: Signers) -> Iterator[Proof | str]:
    """Yield the proofs of a runbook that came as files, and why some file is none."""
    for each in places.files():
        yield from _of_file(each, runbook, signers)


def _of_ledger(kept: Kept, runbook: str) -> Proof | str:
    try:
        return prove(kept.read(), runbook)
    except RunbookError as error:
        return f"`{kept}` was not read: {error.why}"


def _of_file(place: Path, runbook: str, signers: Signers) -> Iterator[Proof | str]:
    if not signers:
        yield f"`{shown(place)}` is a file, and the inventory names no `signers` who may sign one"
        return
    try:
        found = _signed(place, signers)
    except ClientError as error:
        yield f"`{shown(place)}`: {error.what}: {error.why}"
    except OSError:
        yield f"`{shown(place)}` has no signature beside it that can be read"
    except (KeyError, TypeError, ValueError):
        yield f"`{shown(place)}` is not a proof"
    else:
        if isinstance(found, str) or found.runbook == runbook:
            yield found


def _signed(place: Path, signers: Signers) -> Proof | str:
    """Return the proof that a file holds, or that nobody who may has signed it as it is."""
    text = place.read_text(encoding="utf-8")
    signature = _signature(place).read_text(encoding="utf-8")
    if not ssh_signature.signer(text, signature, signers, NAMESPACE):
        return f"`{shown(place)}` was changed, or is signed by none of the inventory's `signers`"
    return Proof.read(json.loads(text))


def runbook_of(path: Path) -> str:
    """Return which runbook a file says that it proves, whoever signed it; empty where none."""
    try:
        return str(Proof.read(json.loads(path.read_text(encoding="utf-8"))).runbook)
    except (OSError, KeyError, TypeError, ValueError):
        return ""


def _signature(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")

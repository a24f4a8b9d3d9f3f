"""Places outside of a ledger's reach, where its seals are put: a folder, git notes, a webhook."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.clients.alerts import Webhook
from handrail.clients.errors import ClientError
from handrail.clients.masking import masked
from handrail.clients.secret import is_reference

NOTES = "handrail"  # ref of the git notes: refs/notes/handrail
SECONDS = 60


@dataclass
class Places:
    """Places outside, each asked for itself: one that refuses keeps a seal out of no other.

    Args:
        named: As an inventory or a command names them.
        refusals: Why it is not in some of them; filled by `put`.
    """

    named: Sequence[str]
    refusals: list[ClientError] = field(default_factory=list)

    def put(self, envelope: Mapping[str, Any], name: str) -> list[str]:  # Any: JSON
        """Put a seal into each place, and return where it is now.

        Args:
            envelope: The seal.
            name: What its file is called.
        """
        where = []
        for to in self.named:
            try:
                where.append(put(envelope, name, to=to))
            except ClientError as refusal:
                self.refusals.append(refusal)
        return where


def put(envelope: Mapping[str, Any], name: str, *, to: str) -> str:  # Any: JSON
    """Put a seal into one place, and return where it is.

    Args:
        envelope: The seal.
        name: What its file is called.
        to: A folder; ``git:REPOSITORY`` for a note at its HEAD; or ``env:NAME``, ``cmd:COMMAND``
            where the address of a webhook stands.

    Raises:
        ClientError: it was not put there.
    """
    text = json.dumps(envelope, indent=2) + "\n"
    if to.startswith("git:"):
        return _noted(text, Path(to.removeprefix("git:")).expanduser())
    if is_reference(to):
        Webhook.from_inventory(to).send({"name": name, **envelope}, noun="seal")
        return to
    if "://" in to:
        raise ClientError(
            "the seal was not put outside",
            "the address of a webhook is a secret, and this one is written out",
            "put it into a variable, and name that: `env:SEALS`",
        )
    return _written(text, Path(to).expanduser() / name)


def _written(text: str, path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return str(path)  # the same head, sealed before
    except OSError as error:
        what = f"the seal was not written to `{path}`"
        raise ClientError(what, f"{error.strerror}", f"see `ls -ld {path.parent}`") from None
    return str(path)


def _noted(text: str, repository: Path) -> str:
    where = f"notes `{NOTES}` of `{repository}`"
    what = f"the seal was not put into {where}"
    command = ["git", "-C", str(repository), "notes", f"--ref={NOTES}", "append", "-F", "-", "HEAD"]
    try:
        ended = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = type(error).__name__
        raise ClientError(
            f"the seal was not put into {where}", why, "see `git --version`"
        ) from None
    if ended.returncode:
        said = masked(" ".join(ended.stderr.decode(errors="replace").split()))
        raise ClientError(what, said, f"git -C {repository} status")
    return where


def noted(repository: Path) -> list[str]:
    """Return what stands in the notes of a repository, of every commit, as one text each.

    Raises:
        ClientError: it is no repository, or git refuses.
    """
    listed = _git(repository, ["notes", f"--ref={NOTES}", "list"]).split()
    return [_git(repository, ["cat-file", "blob", note]) for note in listed[::2]]


def _git(repository: Path, arguments: Sequence[str]) -> str:
    what = f"no seal was read from notes `{NOTES}` of `{repository}`"
    command = ["git", "-C", str(repository), *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClientError(what, type(error).__name__, "see `git --version`") from None
    if ended.returncode:
        said = masked(" ".join(ended.stderr.decode(errors="replace").split()))
        raise ClientError(what, said, f"git -C {repository} notes --ref={NOTES} list")
    return ended.stdout.decode(errors="replace")

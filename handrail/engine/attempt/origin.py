"""What an attempt is made of: machine, version, commit of the checkout, digest of the inventory."""

import hashlib
import socket
from importlib.metadata import version
from pathlib import Path

from pyinfra.context import inventory

from handrail.clients.errors import ClientError
from handrail.clients.git_process import git
from handrail.engine.attempt.command import inventory_file
from handrail.engine.inventory import data_of
from handrail.engine.likeness import digests_of
from handrail.ledger.entry import canonical
from handrail.ledger.location import project_of

# One question for both, the commit and what differs from it: each start of the command asks.
STATUS = ("--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")
HEAD, UNBORN = "# branch.oid ", "(initial)"


def origin() -> dict[str, str]:
    """Return it for the ledger; what there is none of is empty."""
    data = {each.name: digests_of(data_of(each)) for each in inventory}
    return {
        "machine": socket.gethostname(),
        "version": version("handrail"),
        "commit": _commit(project_of(Path(inventory_file()).absolute().parent)),
        "inventory_sha256": hashlib.sha256(canonical(data).encode()).hexdigest(),
    }


def _commit(project: Path) -> str:
    """Return the checkout's commit, and whether files differ from it; empty where it is none."""
    try:
        said = git(project, "status", *STATUS, bare=True).text.splitlines()
    except ClientError:
        return ""
    heads = [line.removeprefix(HEAD) for line in said if line.startswith(HEAD)]
    if heads in ([], [UNBORN]):
        return ""
    edited = any(not line.startswith("#") for line in said)
    return f"{heads[0]}{', with changes that are not committed' if edited else ''}"

"""An inventory's data as pyinfra reads it, in a process of its own.

pyinfra patches the process that reads an inventory for gevent; whoever only wants to know what it
says is not patched by that.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handrail.cli.out import Misused
from handrail.clients.errors import ClientError
from handrail.clients.ledger_address import address_of, key_of
from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.location import LEDGERS, path_of, project_of

NONE = "nothing was looked at"
READ_SECONDS = 120  # a connector may bring hosts up


def hosts_of(
    path: str, *, look_only: bool = False
) -> dict[str, dict[str, Any]]:  # Any: what an inventory holds
    """Return the data of each host; secrets in it are references.

    Args:
        path: The inventory.
        look_only: Nobody needs the hosts: none is brought up or looked for, so that one which is
            away hinders nothing. What only their connector knows of them is missing then.

    Raises:
        Misused: there is no such file, it cannot be read, or it has no hosts.
    """
    if not Path(path).is_file():
        raise Misused(NONE, f"there is no inventory `{path}`", "ls inventory/*.py")
    found: dict[str, dict[str, Any]] = json.loads(
        _read(path, ["look"] if look_only else []).splitlines()[-1]
    )
    if not found:
        fix = "put hosts into it, as `inventory/prod.py` has them"
        raise Misused(NONE, f"`{path}` has no hosts", fix)
    return found


def _read(path: str, words: list[str]) -> str:
    """Return what a process prints that reads an inventory: its data on the last line.

    Raises:
        Misused: it cannot be read, or takes too long.
    """
    see = f"pyinfra {path} debug-inventory"
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__, path, *words],
            capture_output=True, text=True, timeout=READ_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        why = f"reading `{path}` took more than {READ_SECONDS} s"
        raise Misused(NONE, why, see) from None
    if ended.returncode:
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Misused(NONE, f"`{path}` was not read: {said}", see)
    return ended.stdout


def kept_of(path: str, data: Mapping[str, object]) -> Kept:
    """Return where the ledger of an environment is, as its commands find it.

    Args:
        path: The inventory.
        data: Of one of its hosts.

    Raises:
        Misused: what names it cannot be read.
    """
    given = os.environ.get("LEDGER_URL") or str(data.get("ledger") or "")
    project = project_of(Path(path).absolute().parent)
    try:
        address, key = address_of(given), key_of(data.get("ledger_key"))
        return Kept.at(address, project, str(data.get("environment", "")), key)
    except (ClientError, RunbookError) as error:
        raise Misused(error.what, error.why, error.fix) from None


def ledger_of(path: str, data: Mapping[str, object]) -> Path:
    """Return the file of an environment's ledger, which need not be there.

    Args:
        path: The inventory.
        data: Of one of its hosts.
    """
    given, own = str(data.get("ledger") or ""), str(LEDGERS / f"{data.get('environment')}.sqlite")
    # what lies beside a ledger on a server lies here
    named = own if "://" in given else given or own
    return project_of(Path(path).absolute().parent) / path_of(named)


def main(path: str, *, look_only: bool = False) -> None:
    """Print the data of every host as one line of JSON."""
    from pyinfra_cli.inventory import make_inventory  # type: ignore[import-untyped]  # noqa: I001, PLC0415
    from pyinfra_cli.exceptions import UnexpectedExternalError  # type: ignore[import-untyped]  # noqa: PLC0415
    from pyinfra.api.state import State  # noqa: PLC0415  after that line: it patches what this needs
    from pyinfra.context import ctx_state  # noqa: PLC0415

    sys.path.append(str(Path.cwd()))
    if look_only:
        from handrail.engine.connectors import bring_nothing_up  # noqa: PLC0415  as above

        bring_nothing_up()
    ctx_state.set(State())  # type: ignore[no-untyped-call]  # pyinfra's is untyped
    try:
        hosts = {host.name: host.data.dict() for host in make_inventory(path)}
    except UnexpectedExternalError as bug:  # it cannot show itself outside pyinfra's own command
        sys.exit(f"{type(bug.exception).__name__}: {bug.exception}")
    except SyntaxError as wrong:
        sys.exit(f"`{wrong.filename}`, line {wrong.lineno}: {wrong.msg}")
    sys.stdout.write(f"\n{json.dumps(hosts, default=str)}\n")


if __name__ == "__main__":
    main(sys.argv[1], look_only="look" in sys.argv[2:])

"""What a load kept out and what it changed, as files for people; only their owner reads them."""

import shutil
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.transfer.read.export import write_evidence
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

FILES = ("quarantine.ndjson", "adjusted.ndjson")


def write_kept_out(plan: Plan, destination: str | Connection, directory: Path) -> dict[str, int]:
    """Write the two files, each there whole or not at all; return their numbers of rows by name.

    Args:
        plan: The mapping of the load.
        destination: URL of the loaded database, or a session there; only read.
        directory: Where the files go; those that are there give way.

    Raises:
        ClientError: the database could not be read, or the files not be written.
    """
    private = directory / "kept-out.tmp"  # of mode 0700: nobody else sees them before their time
    try:
        shutil.rmtree(private, ignore_errors=True)
        written = write_evidence(plan, destination, private)
        for each in written:
            path = private / each.name
            path.chmod(0o600)
            path.replace(directory / each.name)
        shutil.rmtree(private)
    except OSError as error:
        raise ClientError(
            f"{' and '.join(FILES)} were not written to `{directory}`",
            error.strerror or str(error),
            f"make room or rights for `{directory}`, then the same command again",
        ) from None
    return {each.name: each.rows for each in written}

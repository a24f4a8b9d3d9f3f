"""Where a ledger is and the key to its secrets, as inventory and environment name them."""

import os
from collections.abc import Callable

from handrail.clients import masking
from handrail.clients.secret import Secret, is_reference

SERVERS = ("postgresql://", "postgres://")


def address_of(given: str) -> str:
    """Return where a ledger is: a path, or an address whose password is masked from now on.

    Args:
        given: It as it is, or where it stands: `env:NAME`, `file:PATH`, `cmd:COMMAND`; after
            `env:NAME#` the environment may follow, as after an address.

    Raises:
        ClientError: what it names cannot be read.
    """
    reference, _, environment = (
        given.partition("#") if given.startswith("env:") else (given, "", "")
    )
    address = Secret(reference).reveal() if is_reference(given) else given
    if environment and "#" not in address:
        address = f"{address}#{environment}"
    if address.startswith(SERVERS):
        # Here: a driver takes as long to import as all the rest, and most ledgers are files.
        import psycopg  # noqa: PLC0415
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

        masking.hide_variable("LEDGER_URL")
        try:
            password = conninfo_to_dict(address).get("password")
        except psycopg.Error:
            password = address  # whoever opens it says what is wrong with it
        if password:
            masking.hide(str(password))
            masking.hide(address)
    return address


def key_of(given: object) -> Callable[[], str] | None:
    """Return what reads an operator's key to a ledger's secrets; None where none is named.

    Args:
        given: What the inventory names as `ledger_key`; `LEDGER_KEY` of the environment goes first.

    Raises:
        ClientError: it is written out instead of named.
    """
    named = os.environ.get("LEDGER_KEY") or given
    return Secret.from_inventory(named).reveal if named else None

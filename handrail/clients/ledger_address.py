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
    address = _named(given)
    if address.startswith(SERVERS):
        _hide_password(address)
    return address


def _named(given: str) -> str:
    """Return the address that something names, with the environment that it says."""
    if not given.startswith("env:"):
        return Secret(given).reveal() if is_reference(given) else given
    reference, _, environment = given.partition("#")
    address = Secret(reference).reveal()
    return f"{address}#{environment}" if environment and "#" not in address else address


def _hide_password(address: str) -> None:
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


def key_of(given: object) -> Callable[[], str] | None:
    """Return what reads an operator's key to a ledger's secrets; None where none is named.

    Args:
        given: What the inventory names as `ledger_key`; `LEDGER_KEY` of the environment goes first.

    Raises:
        ClientError: it is written out instead of named.
    """
    named = os.environ.get("LEDGER_KEY") or given
    return Secret.from_inventory(named).reveal if named else None

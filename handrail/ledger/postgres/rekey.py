"""Another key for what lies sealed in a team's ledger, as when one of the operators leaves."""

from contextlib import suppress

from handrail.ledger.chain import untrusted
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerDamaged, RunbookError
from handrail.ledger.postgres.ledger import PostgresLedger
from handrail.ledger.postgres.server import Server
from handrail.ledger.postgres.vault import DIGESTS, SHORTEST, ServerVault
from handrail.ledger.seam import Fact

_PUT = "INSERT INTO sealed VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


def rekey(
    server: Server, vault: ServerVault, other: ServerVault, key: str, actor: str
) -> int | None:
    """Put all that lies sealed under another key, and say so in the chain, in one transaction.

    Args:
        server: Where the ledger is.
        vault: Its vault, with the operators' key of today.
        other: Its vault, as it would be with the other key.
        key: The other key, as an operator holds it.
        actor: Who asks for it.

    Returns:
        How many values there are; None where they lie under that key already.

    Raises:
        RunbookError: the other key could be guessed.
        RunLocked: somebody writes.
        LedgerDamaged: the key of today does not open it, or no longer does.
    """
    if len(key.strip()) < SHORTEST:
        raise RunbookError(
            "the key of the ledger's secrets was not changed",
            f"the new one has fewer than {SHORTEST} characters",
            "let `handrail rekey file:PATH` make one, where there is no such file yet",
        )
    with suppress(LedgerDamaged):
        other.fingerprint()
        return None
    vault.fingerprint()  # a wrong one is told first
    ledger = PostgresLedger(server)
    with ledger.unwritten(Fact(Event.VAULT_REKEYED, "", 0, actor)) as db:
        if db.execute("SELECT fingerprint FROM vault").fetchone() != (vault.known,):
            raise untrusted(server, "its key was changed by somebody else meanwhile")
        found = db.execute("SELECT name, value FROM sealed WHERE name <> %s", (DIGESTS,))
        kept = {str(name): bytes(value) for name, value in found.fetchall()}
        fingerprint, sealed = vault.under(key, kept)
        db.execute("UPDATE vault SET fingerprint = %s", (fingerprint,))
        with db.cursor() as cursor:
            cursor.executemany(_PUT, list(sealed.items()))
    return len(kept)

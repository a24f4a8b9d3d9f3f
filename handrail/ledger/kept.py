"""Where a ledger is kept, a file or a server, and all that is opened from there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from handrail.ledger.errors import LedgerDamaged, RunbookError
from handrail.ledger.location import LEDGERS, SERVERS, path_of, refuse_loss, shown
from handrail.ledger.seal import Seal
from handrail.ledger.seam import Ledger, NoLedger
from handrail.ledger.secrets import Vault
from handrail.ledger.store import SqliteLedger, open_ledger
from handrail.naming import ticked

# What a server needs is imported where there is one: a driver takes as long as all the rest.
if TYPE_CHECKING:
    from handrail.ledger.audit import Audit
    from handrail.ledger.postgres.server import Server
    from handrail.ledger.postgres.vault import ServerVault


@dataclass(frozen=True)
class Kept:
    """Where the ledger of one environment is.

    Args:
        file: The ledger; where a server keeps it, the name that its log goes by on this machine.
        server: The server that keeps it, if one does.
        key: Reads an operator's key to the secrets on a server; None takes the one beside `file`.
        named: Where the server's address stands, for a command to paste: ``env:LEDGER#prod``.
    """

    file: Path
    server: "Server | None" = None
    key: Callable[[], str] | None = None
    named: str = ""

    @classmethod
    def at(
        cls,
        address: str,
        project: Path,
        environment: str,
        key: Callable[[], str] | None = None,
    ) -> Self:
        """Read an address: a path below the project, `sqlite:///PATH` or `postgresql://…`.

        Args:
            address: Where the ledger is; empty for the file where it lies by default.
            project: The project's folder.
            environment: Whose ledger it is; empty where the ledger says so itself.
            key: Reads an operator's key to the secrets on a server.

        Raises:
            RunbookError: it is no address, or the server has several and none is named.
        """
        if not address.startswith(SERVERS):
            return cls(project / path_of(address or str(LEDGERS / f"{environment}.sqlite")))
        from handrail.ledger.postgres.server import Server  # noqa: PLC0415  see above

        server = Server.at(address, environment)
        if not server.environment:
            server = replace(server, environment=_only(server))
        return cls(project / LEDGERS / f"{server.environment}.sqlite", server, key)

    def __str__(self) -> str:
        """Return it as it can be pasted after `--ledger`, without any password."""
        if self.server is None:
            return shown(self.file)
        return self.named if self.named and self.server.has_password else str(self.server)

    @property
    def has_key(self) -> bool:
        """Tell whether this operator holds a key; who only looks, or approves, needs none."""
        return self.key is not None or self.file.with_suffix(".key").exists()

    def open(self, environment: str, *, create: bool) -> Ledger | NoLedger:
        """Open the ledger.

        Args:
            environment: Whose it is.
            create: Make it if absent; planning passes False and gets an empty view instead.

        Raises:
            LedgerDamaged: it is not to be trusted, or is missing beside what it left.
        """
        if self.server is None:
            return open_ledger(self.file, environment, create=create)
        from handrail.ledger.postgres import schema  # noqa: PLC0415  see above
        from handrail.ledger.postgres.ledger import PostgresLedger  # noqa: PLC0415  see above

        if schema.is_there(self.server):
            return PostgresLedger(self.server)
        self._refuse_other()
        return PostgresLedger.create(self.server) if create else NoLedger(environment)

    def read(self) -> Ledger:
        """Open the ledger to look at it, whatever environment it is of."""
        if self.server is None:
            return SqliteLedger(self.file)
        from handrail.ledger.postgres.ledger import PostgresLedger  # noqa: PLC0415  see above

        return PostgresLedger(self.server)

    def vault(self, ledger: Ledger | NoLedger, *, planning: bool = False) -> Vault:
        """Return the vault that the ledger is written with."""
        known = ledger.vault()
        if self.server is None:
            return Vault.beside(self.file, planning=planning, known=known)
        return self._server_vault(self.server, self.key, planning=planning, known=known)

    def audit(
        self, published: str = "", seals: Sequence[Seal] = (), *, whole: bool = True
    ) -> "Audit":
        """Look at everything the ledger says, and the archives that its chain goes through.

        Args:
            published: A head that was printed by an earlier audit and kept elsewhere; hex.
            seals: Seals of it whose signatures are good.
            whole: An archive that is not there is a problem; else it is only told.

        Raises:
            LedgerDamaged: it cannot be read at all.
        """
        from handrail.ledger.audit import audit, examine  # noqa: PLC0415  nothing else needs it

        if self.server is None:
            return audit(self.file, published, seals, whole=whole)
        vault = self._server_vault(self.server, self.key, planning=True, known="")
        from handrail.ledger.postgres.raw import RawSchema  # noqa: PLC0415  see above

        raw = RawSchema(self.server, vault if self.has_key else None)
        return examine(raw, self.file.parent, published, seals, whole=whole)

    def rekey(self, key: Callable[[], str], actor: str) -> int | None:
        """Put what a team's ledger has sealed under another key.

        Args:
            key: Reads the other one.
            actor: Who asks for it.

        Returns:
            How many values there are; None where they lie under that key already.

        Raises:
            RunbookError: the ledger is a file, has sealed nothing yet, is written right now, or its
                key of today is not at hand.
        """
        known = self.read().vault()
        if self.server is None or not known:
            raise self._unsealed()
        from handrail.ledger.postgres.rekey import rekey  # noqa: PLC0415  see above

        today = self._server_vault(self.server, self.key, planning=True, known=known)
        other = self._server_vault(self.server, key, planning=True, known=known)
        return rekey(self.server, today, other, key(), actor)

    def _server_vault(
        self, server: "Server", key: Callable[[], str] | None, *, planning: bool, known: str
    ) -> "ServerVault":
        from handrail.ledger.postgres.vault import (  # noqa: PLC0415  see above
            ServerVault,
            Values,
        )

        file = self.file.with_suffix(".key")
        return ServerVault(Values(server), file, key, planning=planning, known=known)

    def _unsealed(self) -> RunbookError:
        clear = f"they lie in `{shown(self.file.with_suffix('.sealed'))}`, under no key"
        return RunbookError(
            "the key of the ledger's secrets was not changed",
            "nothing was sealed in it yet" if self.server else clear,
            "name a team's ledger: `--ledger postgresql://USER@HOST/DATABASE`",
        )

    def _refuse_other(self) -> None:
        """Raise where a server has no ledger, and one of this environment is, or was, here."""
        refuse_loss(self.file, str(self))
        if self.file.exists():
            raise LedgerDamaged(
                f"ledger `{self}` was not opened",
                f"the server has none yet, and `{shown(self.file)}` of this environment is here: "
                "to begin anew would be to forget what was done",
                "take `ledger` out of the inventory (and LEDGER_URL) to go on with the file; where "
                "all that was done is to be forgotten on purpose, move it away first",
            )


def _only(server: "Server") -> str:
    """Return the one environment that a server holds a ledger of.

    Raises:
        RunbookError: there are none, or several.
    """
    found = server.environments()
    if len(found) == 1:
        return found[0]
    why = f"it holds {ticked(found)}" if found else "it holds none"
    fix = f"name one: `--ledger {server}#{found[0] if found else 'ENVIRONMENT'}`"
    raise RunbookError("no ledger was chosen", why, fix)

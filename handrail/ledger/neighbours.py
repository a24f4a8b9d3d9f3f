"""Ledgers of other environments that lie beside one: files in its folder, and on its server."""

from dataclasses import replace

from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept


def neighbours(kept: Kept) -> list[Kept]:
    """Return where other environments have their ledgers, as far as that can be seen.

    A server that does not answer now has none; whoever needs its own ledger is told so there.
    """
    own = kept.file.absolute()
    files = [each for each in sorted(kept.file.parent.glob("*.sqlite")) if each.absolute() != own]
    return [*map(Kept, files), *_on_the_server(kept)]


def _on_the_server(kept: Kept) -> list[Kept]:
    if kept.server is None:
        return []
    try:
        names = kept.server.environments()
    except RunbookError:
        return []
    return [
        Kept(kept.file.with_name(f"{name}.sqlite"), replace(kept.server, environment=name))
        for name in names
        if name != kept.server.environment
    ]

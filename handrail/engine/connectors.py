"""Targets that are driven from this machine: through an API, a database, a working clone."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from pyinfra.api.connectors import get_all_connectors
from pyinfra.api.exceptions import InventoryError
from pyinfra.connectors.local import LocalConnector

from handrail.engine.pace import keep_connectors
from handrail.engine.watch import watch

LOOK_ONLY = "HANDRAIL_LOOK_ONLY"  # tells a connector of a project's own to bring no hosts up
Named = tuple[str, dict[str, Any], list[str]]  # Any: what a connector says of a host


class ControlConnector(LocalConnector):
    """``@control/<name>``: a target of its own whose commands run here.

    ``@local`` can stand in an inventory once; a cutover has several targets that are all reached
    from the operator's machine.
    """

    @staticmethod
    def make_names_data(name: str | None = None) -> Iterator[Named]:
        """Yield one host with the given name, in the group of that name."""
        if not name:
            raise InventoryError("`@control` needs a name: `@control/production`")
        yield name, {}, [name]


def bring_nothing_up() -> None:
    """Read an inventory for what it says alone: no program is run to find its hosts.

    A connector that only names hosts, as `@ssh` and `@control`, names them as ever. One that runs
    programs to find them, or brings them up, is not asked, and its hosts are called as the
    inventory calls them.
    """
    os.environ[LOOK_ONLY] = "1"
    found = get_all_connectors()  # type: ignore[no-untyped-call]  # pyinfra's is untyped
    for name, connector in found.items():
        asks = connector.make_names_data if connector.handles_execution else None
        connector.make_names_data = staticmethod(_named_by(name, asks))


def _named_by(
    connector: str, ask: Callable[[str | None], Iterator[Named]] | None
) -> Callable[[str | None], list[Named]]:
    """Return what names the hosts of a connector, and needs none of them."""

    def names(name: str | None = None) -> list[Named]:
        try:
            return [*(ask(name) if ask else ())] or [(_as_written(connector, name), {}, [])]
        except InventoryError:
            return [(_as_written(connector, name), {}, [])]

    return names


def _as_written(connector: str, name: str | None) -> str:
    return f"@{connector}/{name}" if name else f"@{connector}"


keep_connectors()
watch()

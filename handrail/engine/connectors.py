"""Targets that are driven from this machine: through an API, a database, a working clone."""

from collections.abc import Iterator
from typing import Any

from pyinfra.api.exceptions import InventoryError
from pyinfra.connectors.local import LocalConnector

from handrail.engine.pace import keep_connectors
from handrail.engine.watch import watch


class ControlConnector(LocalConnector):
    """``@control/<name>``: a target of its own whose commands run here.

    ``@local`` can stand in an inventory once; a cutover has several targets that are all reached
    from the operator's machine.
    """

    @staticmethod
    def make_names_data(name: str | None = None) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """Yield one host with the given name, in the group of that name."""
        if not name:
            raise InventoryError("`@control` needs a name: `@control/production`")
        yield name, {}, [name]


keep_connectors()
watch()

"""The data of the target that a runbook is being read for."""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError


class Absent:
    """Data that this target does not have; good only for a call that is not for this target.

    pyinfra reads a runbook once for each target, and the arguments of a call for `production` are
    evaluated for `staging`, too. What they lead to is refused where a call is for this target.
    """

    def __init__(self, name: str, target: str) -> None:
        self._name = name
        self._target = target

    def __getitem__(self, key: object) -> "Absent":
        """Return the same again: what is not there has no parts."""
        return self

    def __iter__(self) -> Iterator[object]:
        """Yield nothing."""
        return iter(())

    def refuse(self) -> NoReturn:
        """Say which data is missing on which target."""
        raise RunbookError(
            "the runbook was not started",
            f"`{self._target}` has no data `{self._name}`, and a call for it needs it",
            f"add `{self._name}` to its data in the inventory, or correct the call's `on=`",
        )


class Part(dict[str, Any]):
    """A dictionary of the inventory that says which key it lacks, and where."""

    def __init__(self, values: Mapping[str, Any], name: str, target: str) -> None:
        super().__init__(values)
        self._place = f"`{name}` of `{target}`"

    def __missing__(self, key: str) -> NoReturn:
        """Refuse, where a plain dictionary would only name the key."""
        why = f"{self._place} has no `{key}`"
        raise refuse(RunbookError("the run did not start", why, f"add `{key}` to it"))


class Here:
    """Data of a target by name, as ``here.web_url``."""

    def __init__(self, data: Mapping[str, Any], target: str) -> None:
        self._data = data
        self._target = target

    def __getattr__(self, name: str) -> Any:  # Any: what an inventory holds
        """Return the data, or a mark that refuses to be used on this target."""
        found = self._data.get(name, Absent(name, self._target))
        return Part(found, name, self._target) if isinstance(found, Mapping) else found


def refuse_absent(value: object) -> None:
    """Raise where a value is, or holds, data that this target does not have."""
    if isinstance(value, Absent):
        value.refuse()
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            refuse_absent(each)

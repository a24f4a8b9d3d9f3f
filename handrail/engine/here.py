"""The data of the target that a runbook is being read for."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import Any, NoReturn

from handrail.engine.reading import runbook_frame
from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError
from handrail.naming import meant

# An absent value inside a text, between two characters that Unicode leaves to private use: an
# f-string is built before anybody can ask whether its call is for this target.
ABSENT = re.compile("\ue000absent ([^\ue001]*) ([^\ue001 ]*)\ue001")


class Absent:
    """Data that this target does not have; good only for a call that is not for this target.

    pyinfra reads a runbook once for each target, and the arguments of a call for `production` are
    evaluated for `staging`, too. What they lead to is refused where a call is for this target: a
    part of it, a text, a path or a sum that it went into. A condition and a whole number cannot
    wait so long and are refused.
    """

    def __init__(self, name: str, target: str) -> None:
        self._name = name
        self._target = target

    def _same(self, *_: object) -> "Absent":
        """Return the same again: what is not there has no parts, and makes nothing of others."""
        return self

    __getitem__ = __call__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same
    __mod__ = __rmod__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _same
    __or__ = __ror__ = __and__ = __rand__ = _same

    def __getattr__(self, name: str) -> "Absent":
        """Return the same again, as a method of what is not there; Python's own names are none."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self) -> Iterator[object]:
        """Yield nothing: a loop makes no call. What a call takes it apart for is refused there."""
        frame = runbook_frame()
        _taken_apart.append((self, frame.f_lineno if frame else 0))
        return iter(())

    def __str__(self) -> str:
        """Return a mark that is found again in the text it goes into."""
        return f"\ue000absent {self._target} {self._name}\ue001"

    def __format__(self, spec: str) -> str:
        """Return the mark, whatever the format: cut to a width it would not be found."""
        return str(self)

    __repr__ = __fspath__ = __str__

    def _undecided(self, *_: object) -> NoReturn:
        why = "a condition or a number of the runbook needs it"
        raise refuse(_missing(self._target, self._name, why))

    __int__ = __float__ = __index__ = _undecided
    __bool__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __len__ = __contains__ = _undecided
    __hash__ = object.__hash__

    def is_of(self, target: str) -> bool:
        """Tell whether it is what a target lacks."""
        return self._target == target

    def refuse(self) -> NoReturn:
        """Say which data is missing on which target."""
        raise _missing(self._target, self._name, "a call for it needs it")


_taken_apart: list[tuple[Absent, int]] = []  # with the line of the runbook, since the last call


def _missing(target: str, name: str, who: str) -> RunbookError:
    return RunbookError(
        "the runbook was not started",
        f"`{target}` has no data `{name}`, and {who}",
        f"add `{name}` to its data in the inventory, or correct the call's `on=`",
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
    """Data of a target by name, as ``here.web_url``.

    Args:
        data: What the inventory holds for this target.
        target: Its name.
        known: Names that any target of the inventory has; what none has is a misspelling, and is
            refused at once. None where that is not known.
    """

    def __init__(
        self, data: Mapping[str, Any], target: str, known: Collection[str] | None = None
    ) -> None:
        self._data = data
        self._target = target
        self._known = known

    def __getattr__(self, name: str) -> Any:  # Any: what an inventory holds
        """Return the data, or a mark that refuses to be used on this target."""
        if self._known is not None and name not in self._known and not name.startswith("__"):
            why = f"no target has data `{name}`, which the runbook names{meant(name, self._known)}"
            fix = f"correct the name in the runbook, or add `{name}` to the inventory"
            raise refuse(RunbookError("the runbook was not started", why, fix))
        found = self._data.get(name, Absent(name, self._target))
        return Part(found, name, self._target) if isinstance(found, Mapping) else found


def refuse_taken_apart(target: str, line: int, *, chosen: bool) -> None:
    """Raise where a call takes data apart that its target does not have: joins it, spreads it out.

    Nothing is left of it in what the call takes. A loop around the call stands above it.

    Args:
        target: Where the call was read.
        line: Where it begins in the runbook.
        chosen: It is for that target.

    Raises:
        RunbookError: which data is missing.
    """
    mine = [each for each in _taken_apart if each[0].is_of(target)]
    _taken_apart[:] = [each for each in _taken_apart if not each[0].is_of(target)]
    for absent, place in mine:
        if chosen and place >= line:
            absent.refuse()


def refuse_absent(value: object) -> None:
    """Raise where a value is, or holds, data that this target does not have."""
    if isinstance(value, Absent):
        value.refuse()
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, str) and (found := ABSENT.search(value)):
        raise _missing(found[1], found[2], "a call for it needs it")
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for each in value:
            refuse_absent(each)

"""How long a step waits for a deploy, and how often it looks: one value of the inventory."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from handrail.clients.errors import ClientError


class Waiting(NamedTuple):
    """The longest wait for one deploy, and the pause between two looks."""

    timeout_seconds: float
    poll_seconds: float

    @classmethod
    def from_inventory(cls, plain: object) -> Self:
        """Read ``{"timeout_seconds": 2400, "poll_seconds": 5}``.

        Raises:
            ClientError: it has another form, or a time is no positive number.
        """
        given = dict(plain) if isinstance(plain, Mapping) else {}
        times = [given.pop(name, None) for name in cls._fields]
        if given or not all(isinstance(each, int | float) and each > 0 for each in times):
            raise ClientError(
                "how long to wait was not read",
                f"it is {plain!r:.80}, not a dictionary of {' and '.join(cls._fields)}, above zero",
                "correct `waiting` in the inventory; see inventory/group_data/all.py",
            )
        return cls(*(float(each) for each in times if each is not None))

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
        given = plain if isinstance(plain, Mapping) else {}
        if given.keys() != set(cls._fields) or not all(map(_is_time, given.values())):
            raise ClientError(
                "how long to wait was not read",
                f"it is {plain!r:.80}, not a dictionary of {' and '.join(cls._fields)}, above zero",
                "correct `waiting` in the inventory; see inventory/group_data/all.py",
            )
        return cls(*(float(given[name]) for name in cls._fields))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and value > 0

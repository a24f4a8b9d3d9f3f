"""What goes wrong on the platform itself, as tests ask for it: not an answer, but what happens."""

from dataclasses import dataclass, fields
from enum import StrEnum

from rehearsal.render.answers import ApiError
from rehearsal.render.records import Json


class Kind(StrEnum):
    """The kinds of trouble."""

    NAME_TAKEN = "name_taken"  # the new service's name belongs to somebody else's
    OVERRIDE_QUEUE = "override_queue"  # somebody's deploy replaces the one that began
    BLUEPRINT_SYNC = "blueprint_sync"  # a push syncs though automatic sync is off
    CRASH_AFTER_LIVE = "crash_after_live"
    HEALTH_TIMEOUT = "health_timeout"
    OUT_OF_MEMORY = "out_of_memory"
    BUILD_FAILURE = "build_failure"


@dataclass
class Trouble:
    """One trouble.

    Args:
        kind: What goes wrong.
        service: Name of the service it meets; ``*`` for any.
        times: How often.
    """

    kind: Kind
    service: str = "*"
    times: int = 1

    @classmethod
    def of(cls, given: Json) -> "Trouble":
        """Take a trouble as a test sends it; a misspelt key or kind is refused, not ignored."""
        known = {field.name for field in fields(cls)}
        if set(given) - known or given.get("kind") not in set(Kind):
            raise ApiError(400, f"a trouble has {', '.join(sorted(known))}; kinds: {list(Kind)}")
        return cls(**given | {"kind": Kind(given["kind"])})


class Troubles:
    """Those that have not come yet."""

    def __init__(self) -> None:
        self.coming: list[Trouble] = []

    def comes(self, kind: Kind, service: str) -> bool:
        """Say whether a trouble of a kind meets a service now; it is then spent."""
        for trouble in self.coming:
            if trouble.kind is kind and trouble.service in {"*", service} and trouble.times > 0:
                trouble.times -= 1
                return True
        return False

"""A decision, and the words in which a plan tells it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from handrail.ledger.task import Declared


class Do(StrEnum):
    """What is done about a call or a receipt."""

    ACT = "act"
    ADOPT = "adopt"  # in doubt, and its claim holds
    VOUCH = "vouch"  # in doubt, and an operator says that it is done
    SKIP = "skip"
    LEAVE = "leave"  # nothing to do, and nothing new to say
    NOTE = "note"  # it held before anything was done
    CONFIRM = "confirm"  # it holds still, and that is news
    LOOK = "look"  # a gate is asked
    UNDO = "undo"
    AS_BEFORE = "as before"
    COVERED = "covered"  # another step's way back takes it back, too
    KEEP = "keep"  # it cannot be undone
    REFUSE = "refuse"
    DRIFT = "drift"
    ASK = "ask"


STOPPING = {Do.REFUSE, Do.DRIFT, Do.ASK}


@dataclass(frozen=True)
class Decision:
    """What is done, and why.

    Args:
        do: What.
        word: How a plan calls it.
        why: The reason, as the end of a sentence; empty where the word says all.
        fix: Of what stops a run, the command to type next.
        brief: The reason as a plan puts it, where that is shorter.
        may_change: Steps before this one may yet change the answer it rests on.
        row: Row of the table that decided.
        unmet: It would act, and only a requirement of it does not hold.
        cancels: What the act asked of somebody else may still arrive, and is cancelled first.
    """

    do: Do
    word: str
    why: str = ""
    fix: str = ""
    brief: str = ""
    may_change: bool = False
    row: int = 0
    unmet: bool = False
    cancels: bool = False

    @property
    def stops(self) -> bool:
        """Tell whether the run ends here."""
        return self.do in STOPPING

    @property
    def acts(self) -> bool:
        """Tell whether the world is changed."""
        return self.cancels or self.do in {Do.ACT, Do.UNDO}

    @property
    def is_worth_showing(self) -> bool:
        """Tell whether what it would do is wanted in a plan: now, or once its turn comes."""
        return self.acts or self.unmet


@dataclass(frozen=True)
class Planned:
    """What would happen to one call, as things stand and after a step before it acted.

    Args:
        declared: The call.
        decision: As things stand.
        later: After some step before it acted.
        preview: What it would do in full, where that was asked for.
        unseen: Why it cannot say.
        arguments: Those of the call.
        follows: By step, whether a call of it with such arguments makes what this one claims.
        stale: Asks what would happen once such a call acted.
    """

    declared: Declared
    decision: Decision
    later: Decision
    preview: str = ""
    unseen: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    follows: Mapping[str, Callable[..., bool]] = field(default_factory=dict)
    stale: Callable[[], Decision] | None = None

    def comes_after(self, other: "Planned") -> bool:
        """Tell whether its claim is about what another call would do."""
        related = self.follows.get(other.declared.step)
        return related is not None and related(self.arguments, other.arguments)

"""What of a long plan stands together in one line, so that all of it fits a screen."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, product

from handrail.engine.decide.decision import Do
from handrail.engine.outline.line import Line, targets_of
from handrail.engine.outline.outline import Outline
from handrail.ledger.views import plain
from handrail.naming import phrase

FEW = 2  # calls from which on a line of their own is worth it
QUIET = {Do.LEAVE, Do.NOTE}  # there is nothing to tell of them


@dataclass(frozen=True)
class Fold:
    """Calls that stand in one line.

    Args:
        lines: They, in the order of the runbook.
        looks: They only look.
    """

    lines: tuple[Line, ...]
    looks: bool = False

    @property
    def names(self) -> str:
        """Return which calls they are; of those that act also their sentences and targets."""
        if self.looks:
            return ", ".join(line.call.task for line in self.lines)
        first = self.lines[0]
        names = "; ".join(f"{line.call.task} {line.call.name}" for line in self.lines)
        names = names.removeprefix(f"{first.call.task} ")
        return f"{names} ({targets_of(first)}{phrase('; {}', first.owner)})"

    @property
    def took(self) -> str:
        """Return how long they take together, as far as that was measured."""
        known = [line.expected.seconds for line in self.lines if line.expected]
        return plain.rough(sum(known)) if known else ""


Item = Line | Fold
Shown = list[list[Item]]  # by phase


def folded(found: Outline, room: int) -> Shown:
    """Return the calls of each phase, folded no more than it takes to fit.

    What stops, cannot be undone or is named by something at stake has a line of its own. Folded
    first is what has nothing to tell, then what only looks, then what acts on the same targets one
    after the other: of each the phases that come first, for what is near the night matters most.

    Args:
        found: The plan.
        room: Lines that there are for them.
    """
    shown: Shown = [list(phase.lines) for phase in found.phases]
    alone = set(chain.from_iterable((stake.task, stake.until) for stake in found.stakes))
    for fold, number in product((_quiet, _looks, _acts), range(len(shown))):
        if sum(map(len, shown)) > room:
            shown[number] = fold(shown[number], alone)
    return shown


def _quiet(items: Sequence[Item], alone: set[str]) -> list[Item]:
    """Fold what lies side by side and is left as it is, with the same word."""
    return _side_by_side(
        items, lambda line: line.decision.word if line.decision.do in QUIET else "", alone
    )


def _looks(items: Sequence[Item], alone: set[str]) -> list[Item]:
    """Fold all that only looks into one line at its end, wherever it stands in the phase."""
    looks = [each for each in _lines(items) if _only_looks(each, alone)]
    if len(looks) < FEW:
        return list(items)
    rest = [each for each in items if each not in looks]
    return [*rest, Fold(tuple(looks), looks=True)]


def _only_looks(line: Line, alone: set[str]) -> bool:
    return line.promise == "looks" and not line.owner and _may(line, alone)


def _acts(items: Sequence[Item], alone: set[str]) -> list[Item]:
    """Fold what lies side by side, is for the same targets and has the same owner."""
    return _side_by_side(
        items, lambda line: " ".join([*(call.target for call in line.calls), line.owner]), alone
    )


def _side_by_side(
    items: Sequence[Item], alike: Callable[[Line], str], alone: set[str]
) -> list[Item]:
    def key(item: Item) -> str:
        return alike(item) if isinstance(item, Line) and _may(item, alone) else ""

    found: list[Item] = []
    for same, group in groupby(items, key=key):
        members = list(group)
        lines = _lines(members)
        found += [Fold(lines)] if same and len(lines) >= FEW else members
    return found


def _lines(items: Iterable[Item]) -> tuple[Line, ...]:
    """Return the calls that stand alone."""
    return tuple(each for each in items if isinstance(each, Line))


def _may(line: Line, alone: set[str]) -> bool:
    """Tell whether nobody misses a line of its own."""
    undone = line.decision.do is Do.UNDO  # a way back is agreed to sentence by sentence
    told = line.decision.stops or line.unseen or line.risk or undone
    return not told and line.call.task not in alone

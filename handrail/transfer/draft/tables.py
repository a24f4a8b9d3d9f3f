"""Which source table a destination table may be filled from."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from handrail.naming import ticked
from handrail.transfer.draft import names
from handrail.transfer.draft.columns import share
from handrail.transfer.sql.catalog import Catalog, Table

LEAST = 0.55  # of a score, below which two tables have nothing to do with each other
CLOSE = 0.1  # between two scores, within which the one is no surer than the other
SHARED = 0.4  # of the columns: with a name that is likely, no doubt is left
TELLING = 0.7  # of the columns: enough by themselves, if there are some that few tables have
USUAL = {"id", "name", "title", "created", "updated", "createdat", "updatedat", "description"}
FEWEST = 3
# Tables of Django itself, filled by its migrations and by use.
DJANGO = re.compile(r"django_.*|auth_(?:group|permission|group_permissions|user_.*)")
NAME_WEIGHT = 0.6


@dataclass(frozen=True)
class Pair:
    """Two tables that may be the same; `doubt` says why that is a guess."""

    source: str
    target: str
    doubt: str | None


def pair(source: Catalog, destination: Catalog) -> list[Pair]:
    """Pair the tables of both sides, each at most once, the surest first."""
    each_with_each = list(itertools.product(source.tables, destination.tables))
    scores = {(mine.name, other.name): _score(mine, other) for mine, other in each_with_each}
    goes_to = {each.source: each.target for each in _choose(scores)}
    for mine, other in each_with_each:  # links between tables that are paired now
        if _links_the_same(mine, other, goes_to):
            scores[mine.name, other.name] += NAME_WEIGHT / 2
    order = list(destination.by_name)
    return sorted(_choose(scores), key=lambda each: order.index(each.target))


def _score(mine: Table, other: Table) -> float:
    alike, shared = _likeness(mine, other), share(mine, other)
    if alike == 1:
        return 1 + shared
    if DJANGO.fullmatch(other.relation):
        return 0
    by_columns = shared if shared >= TELLING and _is_telling(mine) else 0
    return max(NAME_WEIGHT * alike + (1 - NAME_WEIGHT) * shared, by_columns)


def _is_telling(table: Table) -> bool:
    """Say whether it has columns that few tables have."""
    return len({names.form(column.name) for column in table.columns} - USUAL) >= FEWEST


def _likeness(mine: Table, other: Table) -> float:
    """Return how alike their names are; of other schemas, also without these."""
    alike = names.likeness(mine.name, other.name)
    return max(alike, min(names.SURE, names.likeness(mine.relation, other.relation)))


def _links_the_same(mine: Table, other: Table, goes_to: dict[str, str]) -> bool:
    """Say whether both consist of two references, to tables that are paired."""
    ours = sorted(goes_to.get(parent, "") for parent in mine.parents)
    return len(ours) == 2 and ours == sorted(other.parents)  # noqa: PLR2004 - a link has two ends


def _choose(scores: dict[tuple[str, str], float]) -> list[Pair]:
    """Take the best pair, then the best of those that are left."""
    found: list[Pair] = []
    for (mine, other), score in sorted(scores.items(), key=lambda item: -item[1]):
        if score < LEAST or _is_paired(mine, other, found):
            continue
        rivals = sorted(set(_rivals(mine, other, scores)))
        found.append(Pair(mine, other, _doubt(mine, other, score, rivals)))
    return found


def _is_paired(mine: str, other: str, found: list[Pair]) -> bool:
    return any(mine == each.source or other == each.target for each in found)


def _rivals(mine: str, other: str, scores: dict[tuple[str, str], float]) -> Iterator[str]:
    """Yield the tables that one of a pair looks as much like, or nearly so."""
    enough = scores[mine, other] - CLOSE
    for (me, them), score in scores.items():
        if (me == mine) != (them == other) and score > enough:
            yield them if me == mine else me


def _is_likely(alike: float, score: float) -> bool:
    """Say whether two names are near enough, and some of the columns besides."""
    return alike >= names.LIKELY and score >= NAME_WEIGHT * alike + SHARED / 3


def _doubt(mine: str, other: str, score: float, rivals: list[str]) -> str | None:
    alike = max(names.likeness(mine, other), names.likeness(mine.rpartition(".")[2], other))
    if alike == 1 or (_is_likely(alike, score) and not rivals):
        return None
    by = "its name" if alike >= names.ALIKE else "its columns"
    others = f"; it may be {ticked(rivals, ' or ')}" if rivals else ""
    return f"it looks like `{mine}` of the source by {by}{others}"


def side_by_side(mine: Table, other: Table) -> Iterator[str]:
    """Yield the columns of both tables, in two lists side by side."""
    left = [f"{column.name} {column.declared}" for column in mine.columns]
    right = [f"{column.name} {column.declared}" for column in other.columns]
    width = max([len("source"), *map(len, left)])
    rows = max(len(left), len(right))
    left += [""] * (rows - len(left))
    right += [""] * (rows - len(right))
    yield f"{'source':<{width}}   destination"
    for ours, theirs in zip(left, right, strict=True):
        yield f"{ours:<{width}}   {theirs}".rstrip()

"""Which source column a destination column may be filled from."""

import difflib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from handrail.transfer.draft.names import form, words
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL, TIME

# Names that applications give to the same thing.
SYNONYMS = (
    {"created", "createdat", "createdon", "createdate", "creationdate", "datecreated", "dateadded",
     "datejoined", "joinedat", "registeredat", "insertedat", "timestamp"},
    {"updated", "updatedat", "updatedon", "updatedate", "modified", "modifiedat", "lastmodified",
     "dateupdated", "datemodified"},
    {"password", "passwordhash", "hash", "hashedpassword", "pwd", "passwd", "pass"},
    {"email", "emailaddress", "mail"},
    {"username", "login", "handle", "nickname"},
    {"isactive", "active", "enabled", "isenabled"},
    {"isread", "read", "seen", "isseen"},
    {"firstname", "givenname", "fname"},
    {"lastname", "surname", "familyname", "lname"},
    {"phone", "phonenumber", "mobile", "contactnumber", "telephone"},
    {"body", "content", "text", "message"},
    {"lastlogin", "lastloginat", "lastseen", "lastseenat", "lastsignin"},
)  # fmt: skip
MUST, MAY = 0.55, 0.75  # how alike names must be where the column has to be filled, and where not
FAMILIES = {
    "smallint": "number", "integer": "number", "bigint": "number", "numeric": "number",
    "real": "number", "double precision": "number", "date": "moment", NAIVE: "moment",
    AWARE: "moment", TIME: "time", "json": "json", "jsonb": "json",
}  # fmt: skip


@dataclass
class Pairs:
    """Destination columns with their source columns; `doubts` say why a pair is a guess."""

    origins: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)

    def take(self, target: str, source: str, doubt: str | None = None) -> None:
        """Pair two columns."""
        self.origins[target] = source
        if doubt is not None:
            self.doubts[target] = f"{doubt}: `{source}`"

    def are_free(self, target: str, source: str) -> bool:
        """Say whether neither column is paired."""
        return target not in self.origins and source not in self.origins.values()

    def left_of(self, source: Table) -> list[str]:
        """Name the source columns that are not paired."""
        return [name for name in source.by_name if name not in self.origins.values()]


def pair(source: Table, target: Table, tables: dict[str, str]) -> Pairs:
    """Pair the columns of two tables, the surest first.

    Args:
        source: Source table.
        target: Destination table; what it computes itself is left out.
        tables: Source tables with the destination tables they go to, as far as known.
    """
    found = Pairs()
    for fits in (_is_same, _is_same_form, _is_key_of_same):
        _take(source, target, found, fits)
    _by_reference(source, target, tables, found)
    _by_key(source, target, found)
    _take(source, target, found, _is_other_name, "another name")
    _by_likeness(source, target, found)
    return found


def _take(
    source: Table,
    target: Table,
    found: Pairs,
    fits: Callable[[Column, Column], bool],
    doubt: str | None = None,
) -> None:
    for mine, other in _free(source, target, found):
        if fits(mine, other):
            found.take(other.name, mine.name, doubt)


def _free(source: Table, target: Table, found: Pairs) -> Iterator[tuple[Column, Column]]:
    """Yield each source column with each destination column, as long as neither is paired."""
    for other, mine in itertools.product(target.columns, source.columns):
        if not other.generated and found.are_free(other.name, mine.name):
            yield mine, other


def _is_same(mine: Column, other: Column) -> bool:
    return mine.name == other.name


def _is_same_form(mine: Column, other: Column) -> bool:
    return form(mine.name) == form(other.name)


def _is_key_of_same(mine: Column, other: Column) -> bool:
    """Say whether one is the other with `id` behind it: `author`, `authorId`, `author_id`."""
    ours, theirs = words(mine.name), words(other.name)
    longer, shorter = (ours, theirs) if len(ours) > len(theirs) else (theirs, ours)
    alike = mine.type == other.type or FAMILIES.get(mine.type) == FAMILIES.get(other.type, "")
    return alike and longer == (*shorter, "id") and bool(shorter)


def _is_other_name(mine: Column, other: Column) -> bool:
    return is_synonym(mine.name, other.name) and may_become(mine, other)


def _single(table: Table) -> dict[str, str]:
    """Return the columns that refer to a table by themselves, with that table."""
    return {key.column: key.target for key in table.foreign_keys if key.column and key.target}


def _by_reference(source: Table, target: Table, tables: dict[str, str], found: Pairs) -> None:
    """Pair columns that refer to the same table; in their order, where several do."""
    for other, there in _single(target).items():
        mine = [
            name
            for name, here in _single(source).items()
            if tables.get(here) == there and found.are_free(other, name)
        ]
        if mine:
            doubt = "both refer to the same" if len(mine) == 1 else f"one of {', '.join(mine)}"
            found.take(other, mine[0], doubt)


def _by_key(source: Table, target: Table, found: Pairs) -> None:
    """Pair the keys of both, unless the destination numbers its rows by itself."""
    if source.key is None or target.key is None or target.key in found.origins:
        return
    mine, other = source.by_name[source.key], target.by_name[target.key]
    if may_become(mine, other) and not other.generated:
        found.take(other.name, mine.name, "the key there")


def _by_likeness(source: Table, target: Table, found: Pairs) -> None:
    for other in target.columns:
        if other.generated or other.name in target.primary_key:
            continue
        forms = {form(mine.name): mine.name for mine in _fitting(source, other, found)}
        cutoff = MAY if _may_stay_empty(other) else MUST
        for like in difflib.get_close_matches(form(other.name), forms, n=1, cutoff=cutoff):
            found.take(other.name, forms[like], "another name")


def _may_stay_empty(column: Column) -> bool:
    return column.nullable or column.default is not None


def _fitting(source: Table, other: Column, found: Pairs) -> Iterator[Column]:
    """Yield the source columns that one of the destination may still be filled from."""
    for mine in source.columns:
        if found.are_free(other.name, mine.name) and may_become(mine, other):
            yield mine


def is_synonym(source: str, target: str) -> bool:
    """Say whether two names are known for the same thing."""
    return any({form(source), form(target)} <= names for names in SYNONYMS)


def may_become(mine: Column, other: Column) -> bool:
    """Say whether values of one type may be meant by the other: a text may be anything."""
    if mine.type in TEXTUAL or mine.type == other.type:
        return True
    if other.type == "boolean":
        return FAMILIES.get(mine.type) == "number"
    family = FAMILIES.get(mine.type)
    return family is not None and family == FAMILIES.get(other.type)


def share(source: Table, target: Table) -> float:
    """Return how many of the columns of two tables have names of one form, from 0 to 1."""
    ours, theirs = _forms(source), _forms(target)
    return 2 * len(ours & theirs) / max(1, len(ours) + len(theirs))


def _forms(table: Table) -> set[str]:
    """Return the names of a table's columns in one form, whether they end in `id` or not."""
    return {form(column.name).removesuffix("id") or "id" for column in table.columns}

"""Read a mapping file, and report everything wrong with it at once, each with its line."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from handrail.clients.errors import ClientError
from handrail.transfer.mapping import document as documents
from handrail.transfer.mapping import wrong
from handrail.transfer.mapping.coherent import discords
from handrail.transfer.mapping.document import Document, Path
from handrail.transfer.mapping.rules import (
    Action,
    ColumnRule,
    Drop,
    Fault,
    Given,
    Lookup,
    MappingFile,
    Place,
    Problem,
    RowRule,
    TableRule,
)
from handrail.transfer.mapping.words import ColumnWords, DropWords, FileWords, TableWords

GIVEN = ("constant", "default", "sentinel")
LIMITS = ("max_nulled", "max_defaulted")
WHEN = {f"when_{fault}": fault for fault in Fault}


class MappingRefused(ClientError):
    """The mapping cannot be used; `problems` holds every reason, each with its line."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        ordered = sorted(problems, key=lambda problem: (problem.place.file, problem.place.line))
        listing = "\n".join(f"    {problem}" for problem in ordered)
        super().__init__(
            f"the mapping `{file}` was refused, nothing was written",
            f"{len(ordered)} problem{'s' if len(ordered) > 1 else ''}:\n{listing}",
            f"edit `{file}` as each line says, then the same command again",
        )
        self.problems = tuple(ordered)


def load(path: str | FilePath, *, undecided: bool = False) -> MappingFile:
    """Read a mapping file.

    Args:
        path: YAML file; `docs/mapping.md` says what may stand in it.
        undecided: Take it though lines of it still say CHECK, as a drafted one does.

    Raises:
        MappingRefused: unknown keys, wrong values, missing reasons, lines that nobody has decided
            yet: all of them.
        ClientError: the file cannot be read.
    """
    file = str(path)
    try:
        content = FilePath(path).read_bytes()
    except OSError as error:
        raise ClientError(
            f"the mapping `{file}` could not be read",
            error.strerror or "no such file",
            "name an existing mapping file, or let `handrail mapping draft` write one",
        ) from None
    return _read(file, content, undecided=undecided)


@lru_cache(maxsize=4)
def _read(file: str, content: bytes, *, undecided: bool) -> MappingFile:
    """Read what a file says; each clause of a step asks again, and it says the same."""
    reading = _Reading(documents.read(file, content))
    found = reading.mapping()
    problems = reading.document.problems
    if not undecided:
        problems += (_undecided(file, line) for line in sorted(set(reading.document.questions)))
    if problems:
        raise MappingRefused(file, problems)
    return found


def _undecided(file: str, line: int) -> Problem:
    return Problem(
        Place(file, line), "nobody has decided this yet", "decide it, and take CHECK out"
    )


def _digest(content: object) -> str:
    """Hash what the file says: a comment more makes no other mapping."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _without(data: Any, wrong_paths: set[Path], path: Path = ()) -> Any:  # Any: YAML
    """Return a copy of YAML's data without the parts at these paths."""
    if isinstance(data, dict):
        return dict(_right(data.items(), wrong_paths, path))
    if isinstance(data, list):
        return [item for _, item in _right(enumerate(data), wrong_paths, path)]
    return data


def _right(
    parts: Iterable[tuple[Any, Any]], wrong_paths: set[Path], path: Path
) -> Iterator[tuple[Any, Any]]:  # Any: YAML
    """Yield the parts that are not wrong themselves, each without what is wrong in it."""
    for key, part in parts:
        at = (*path, key)
        if at not in wrong_paths:
            yield key, _without(part, wrong_paths, at)


class _Reading:
    """One file on its way from plain data to rules; what is wrong stands in the document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.wrong: set[Path] = set(document.unread)

    def mapping(self) -> MappingFile:
        data = self.document.data
        self.note_empty()
        words = self.words({} if data is None else data)
        tables = tuple(self.table(name, table) for name, table in words.tables.items())
        drops = self.drops(words.drop_tables, ("drop_tables",))
        return MappingFile(self.document.file, _digest(data), tables, drops)

    def note_empty(self) -> None:
        if self.document.data is None and not self.document.problems:
            self.document.problem(1, "the mapping is empty", "declare `tables:`")

    def words(self, data: Any) -> FileWords:  # Any: whatever the YAML file holds
        """Read what is right of the data, and note what is not."""
        first = True  # later rounds only find what the first has torn
        while () not in self.wrong:
            try:
                return FileWords.model_validate(_without(data, self.wrong))
            except ValidationError as error:
                found = error.errors(include_url=False)
            if first:
                self.tell(found)
            self.wrong |= {self.path(tuple(each["loc"])) for each in found}
            first = False
        return FileWords()

    def tell(self, found: Iterable[ErrorDetails]) -> None:
        for each in found:
            if tuple(each["loc"]) not in self.wrong:
                self.document.problems.append(wrong.problem(self.document, each))

    def path(self, path: Path) -> Path:
        """Return the part that has to go: what lacks a word goes whole, also one taken away."""
        while path and (path not in self.document.lines or path in self.wrong):
            path = path[:-1]
        return path

    def problem(self, place: Place, what: str, fix: str) -> None:
        self.document.problems.append(Problem(place, what, fix))

    def table(self, name: str, words: TableWords) -> TableRule:
        path = ("tables", name)
        self.note_both(words, path)
        return TableRule(
            name,
            self.document.place(path, key=True),
            words.source or words.also or name,
            also=words.also is not None,
            optional=words.optional,
            columns=self.once_each(name, self.columns(name, words)),
            drops=self.drops(words.drop, (*path, "drop")),
            quarantine=tuple(self.row_rules(words, (*path, "quarantine"))),
            limit=words.max_quarantined,
            replace=words.replace,
        )

    def note_both(self, words: TableWords, path: Path) -> None:
        if words.source and words.also:
            at = self.document.place((*path, "also"))
            self.problem(at, "`from` and `also` stand together", "keep one of the two")

    def row_rules(self, words: TableWords, path: Path) -> Iterator[RowRule]:
        for n, row in enumerate(words.quarantine):
            yield RowRule(self.document.place((*path, n)), row.when, row.reason)

    def once_each(self, table: str, rules: Iterable[ColumnRule]) -> tuple[ColumnRule, ...]:
        columns: dict[str, ColumnRule] = {}
        for rule in rules:
            if rule.name in columns:
                self.problem(rule.place, f"`{rule.name}` stands twice in `{table}`", "keep one")
            columns[rule.name] = rule
        return tuple(columns.values())

    def columns(self, table: str, words: TableWords) -> Iterator[ColumnRule]:
        path = ("tables", table)
        cut = ((Fault.TOO_LONG, Action.TRUNCATE),)
        for key, names, when in (("copy", words.copy_, ()), ("truncate", words.truncate, cut)):
            for column in names:
                place = self.document.place((*path, key))
                yield ColumnRule(column, place, source=column, when=when)
        for column, body in words.columns.items():
            yield self.column(table, column, body)

    def column(self, table: str, name: str, words: ColumnWords) -> ColumnRule:
        path = ("tables", table, "columns", name)
        rule = ColumnRule(
            name,
            self.document.place(path, key=True),
            source=words.source or (None if is_produced(words) else name),
            lookup=Lookup(**words.lookup.model_dump()) if words.lookup else None,
            values=tuple(words.values.items()),
            when=tuple(actions(words)),
            **plain_fields(words),
        )
        self.hold(f"{table}.{name}", path, rule, words)
        return rule

    def hold(self, label: str, path: Path, rule: ColumnRule, words: ColumnWords) -> None:
        """Note what does not fit, unless a part of it is wrong by itself and told already."""
        wrong_words = self.wrong_within(path)
        for discord in discords(rule, written(words)):
            if not discord.words & wrong_words:
                self.problem(rule.place, f"`{label}` {discord.what}", discord.fix)

    def wrong_within(self, path: Path) -> set[str]:
        """Return the words of a part that are wrong by themselves."""
        inner = (each[len(path) :] for each in self.wrong if each[: len(path)] == path)
        return {str(each[0]) for each in inner if each}

    def drops(self, words: dict[str, DropWords], path: Path) -> tuple[Drop, ...]:
        found = []
        for name, drop in words.items():
            place = self.document.place((*path, name), key=True)
            if not drop.reason.strip():
                self.problem(
                    place, f"`{name}` is dropped without a reason", f"write `{name}: <why>`"
                )
            found.append(Drop(name, place, drop.reason.strip(), drop.optional))
        return tuple(found)


def written(words: ColumnWords) -> frozenset[str]:
    """Return the words that stand in a rule, as they are written."""
    fields = ColumnWords.model_fields
    return frozenset(fields[key].alias or key for key in words.model_fields_set)


def is_produced(words: ColumnWords) -> bool:
    """Say whether a column is made of something else than the source column of its name."""
    return bool(
        words.sql or words.lookup or words.generated or "constant" in words.model_fields_set
    )


def actions(words: ColumnWords) -> Iterator[tuple[Fault, Action]]:
    """Yield what is done about each fault that is spoken of."""
    for key, fault in WHEN.items():
        if (action := getattr(words, key)) is not None:
            yield fault, Action(action)


def plain_fields(words: ColumnWords) -> dict[str, Any]:  # Any: each field's own
    """Return what a rule takes as it is written, lists as tuples."""
    fields = words.model_dump(exclude={"source", "lookup", "values", *GIVEN, *LIMITS, *WHEN})
    return {
        **{key: tuple(each) if isinstance(each, list) else each for key, each in fields.items()},
        **{key: Given(getattr(words, key)) for key in words.model_fields_set.intersection(GIVEN)},
        **{key: getattr(words, key) for key in LIMITS},
    }

"""Turn one column rule into the expression of its value and the faults it may have."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from handrail.transfer.mapping.rules import ColumnRule, Fault
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.built import Built, Raw
from handrail.transfer.sql.catalog import Column
from handrail.transfer.sql.fit import wrong_cast
from handrail.transfer.sql.named import (
    REFERENCE,
    name_of,
    only_cast,
)
from handrail.transfer.sql.origin import Origin
from handrail.transfer.sql.parsed import Join, Parsed
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.treatment import Treatment
from handrail.transfer.sql.types import NAIVE, SHOWN_OTHERWISE, TEXTUAL

UNREPEATED = {"json", "text"}  # casts of texts that are all different


@dataclass
class Builder:
    """Build the columns of one table.

    `key` is the source's primary key column, when it has just one.
    """

    origin: Origin
    server_version: int
    key: str | None

    def build(self, rule: ColumnRule, looked_up: tuple[Join, str, str] | None = None) -> Built:
        """Return expression, faults and problems of one rule.

        Args:
            rule: The rule; its column exists on the destination.
            looked_up: For a lookup: its join, its expression and its type.
        """
        built = Built()
        column = self.origin.target.by_name[rule.name]
        if rule.lookup is not None and looked_up is None:
            return built
        raw = self.origin.raw(rule, built, column.wire, looked_up)
        if raw is None or (value := self._value(rule, column, raw, column.wire, built)) is None:
            return built
        final = self._treated(rule, column, raw, value, column.wire, built)
        built.plan = self._planned(rule, column, raw, final, built)
        return built

    def _planned(
        self, rule: ColumnRule, column: Column, raw: Raw, final: str, built: Built
    ) -> ColumnPlan:
        """Return the plan of a column, and tell its faults what it reads."""
        wire, needs = column.wire, built.names()
        built.faults = [dataclasses.replace(fault, needs=needs) for fault in built.faults]
        return ColumnPlan(
            name=rule.name,
            type=wire,
            sql=f"({final})::{wire}",
            rule=rule,
            source=rule.source,
            source_type=self.origin.source.by_name[rule.source].type if rule.source else None,
            as_text=not column.is_hashed,
            binary=column.is_builtin or column.is_text,
            exact=_is_exact(rule, column, raw),
            needs=needs,
            sources=tuple(sorted(built.sources)),
        )

    def _value(
        self, rule: ColumnRule, column: Column, raw: Raw, wire: str, built: Built
    ) -> str | None:
        """Return the value in the destination's type; NULL where it cannot be read."""
        if (wrong := wrong_cast(rule, column, raw, wire)) is not None:
            self.origin.problem(built, rule, *wrong)
            return None
        return self._parsed(rule, raw, wire, built) or _converted(rule, raw, wire)

    def _parsed(self, rule: ColumnRule, raw: Raw, wire: str, built: Built) -> str | None:
        """Return the value that a declared cast or list of values reads, read once per row."""
        text = raw.sql if raw.type in TEXTUAL and rule.cast not in UNREPEATED else None
        read = self._read(rule, raw if text is None else Raw("d.text", "text", raw.known), wire)
        if read is None:
            return None
        name = f"read:{rule.name}"
        built.parsed.append(Parsed(name, read, text))
        return f"s.{quoted(name)}"

    def _read(self, rule: ColumnRule, raw: Raw, wire: str) -> str | None:
        """Return the expression of a declared cast or list of values."""
        text, kind = raw.sql, raw.type
        readers: dict[str, Callable[[], str]] = {
            "boolean": lambda: casts.parse_boolean(text, kind),
            "date": lambda: casts.parse_date(text, casts.ordered(rule.formats, rule.order)),
            "time": lambda: casts.parse_time(text, rule.formats),
            "json": lambda: casts.parse_json(text, wire, rule.shape, self.server_version),
            "integer": lambda: casts.parse_integer(text, wire, kind),
            "text": lambda: f"{text}::text",
        }
        read = readers[rule.cast]() if rule.cast else None
        if rule.values:
            read = casts.pick(raw.sql, rule.values, wire, read or f"null::{wire}")
        return read

    def _treated(
        self, rule: ColumnRule, column: Column, raw: Raw, value: str, wire: str, built: Built
    ) -> str:
        """Return the value with its faults treated, and note these."""
        treatment = Treatment(
            rule=rule,
            nullable=column.nullable,
            length=column.length if wire in TEXTUAL else None,
            raw=raw.sql,
            raw_type=raw.type,
            server_version=self.server_version,
            known=raw.known,
            value=value,
            type=wire,
            declared=column.declared,
            cast_from=self._cast_from(rule),
            sources=tuple(sorted(built.sources)),
            malformed=self._malformed(rule, value, built) if rule.pattern else None,
            duplicate=self._duplicate(rule, built) if rule.action(Fault.DUPLICATE) else None,
            placeholder=self._placeholder(rule, built),
        )
        built.faults += treatment.faults()
        for what, fix in treatment.contradictions():
            self.origin.problem(built, rule, what, fix)
        return treatment.final()

    def _cast_from(self, rule: ColumnRule) -> tuple[str, str] | None:
        """Return value and type of the column that `sql:` casts, where that is all it does."""
        column = self.origin.source.by_name.get(only_cast(rule.sql) or "")
        return (f"s.{quoted(column.name)}", column.type) if column else None

    def _malformed(self, rule: ColumnRule, value: str, built: Built) -> str:
        """Return a condition: the value does not have its declared form; matched once per row."""
        condition = casts.is_malformed(value, rule.pattern or "")
        if value.startswith(('s."read:', 's."sql:')):
            return condition  # what is parsed cannot be parsed again at the same level
        name = f"odd:{rule.name}"
        built.parsed.append(Parsed(name, condition))
        return f"s.{quoted(name)}"

    def _duplicate(self, rule: ColumnRule, built: Built) -> str:
        """Return a condition: an earlier row of the source holds the same value."""
        if self.key is None or rule.source is None:
            what = "when_duplicate needs `from` and a one-column primary key"
            self.origin.problem(built, rule, what, "use `sql:`")
            return "false"
        fold = casts.folded if rule.same == "folded" else str
        table = self.origin.source.rows
        key, column = quoted(self.key), quoted(rule.source)
        keys = f"select {fold(f'd.{column}')} as k, d.{key} as first from {table} d offset 0"
        first = f"select distinct on (k) k, first from ({keys}) d where k <> '' order by k, first"
        mine = f"key:{rule.name}"
        built.parsed.append(Parsed(mine, fold(f"s.{column}")))
        join = Join(f"first:{rule.name}", first, f"s.{quoted(mine)}", frozenset({mine}))
        built.joins.append(join)
        return f"{join.alias}.first < s.{key}"

    def _placeholder(self, rule: ColumnRule, built: Built) -> str:
        parts: list[str] = []
        position = 0
        text = rule.placeholder or ""
        for match in REFERENCE.finditer(text):
            parts.append(literal(text[position : match.start()]))
            if name_of(match) is None:
                parts.append(literal(match.group(0)[0]))
            else:
                parts.append(self.origin.interpolate(match.group(0), rule, built, cast="::text"))
            position = match.end()
        return "(" + " || ".join([*parts, literal(text[position:])]) + ")"


def _is_exact(rule: ColumnRule, column: Column, raw: Raw) -> bool:
    """Say whether a column holds what its source column shows."""
    alike = raw.type in {column.wire, NAIVE, column.type} or {raw.type, column.wire} <= TEXTUAL
    changed = rule.cast or rule.values or rule.write
    return alike and rule.source is not None and not changed


def _converted(rule: ColumnRule, raw: Raw, wire: str) -> str:
    """Return a value as what PostgreSQL takes for the destination's type by itself."""
    if rule.zone is not None and raw.type == NAIVE:
        return f"({raw.sql} at time zone {literal(rule.zone)})"
    if (raw.type, wire) == SHOWN_OTHERWISE:
        return f"({raw.sql})::text::{wire}"
    return raw.sql

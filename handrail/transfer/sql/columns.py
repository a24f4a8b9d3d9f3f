"""Turn one column rule into the expression of its value and the faults it may have."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

from handrail.transfer.mapping import zones
from handrail.transfer.mapping.rules import TIME_OF_RUN, Action, ColumnRule, Fault, Problem, RowRule
from handrail.transfer.session.quoting import constant, literal, quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.built import Built, Raw
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.fit import wrong_cast
from handrail.transfer.sql.named import (
    ONLY_CAST,
    REFERENCE,
    enclosed,
    name_of,
    names_in,
    reads_clocks,
    zones_in,
)
from handrail.transfer.sql.parsed import Join, Parsed
from handrail.transfer.sql.parts import ColumnPlan, FaultPlan
from handrail.transfer.sql.treatment import Treatment
from handrail.transfer.sql.types import AWARE, HASHED, NAIVE, SHOWN_OTHERWISE, TEXTUAL, TIME

# What PostgreSQL would make of each other by the zone of the session; a date by its midnight there.
READ_OTHERWISE = {AWARE: {NAIVE, "date"}, NAIVE: {AWARE}, "date": {AWARE}, TIME: {AWARE}}
UNREPEATED = {"json", "text"}  # casts of texts that are all different


@dataclass
class Builder:
    """Build the columns of one table.

    `key` is the source's primary key column, when it has just one; `moment` is that of the load.
    """

    source: Table
    target: Table
    server_version: int
    key: str | None
    moment: str

    def build(self, rule: ColumnRule, looked_up: tuple[Join, str, str] | None = None) -> Built:
        """Return expression, faults and problems of one rule.

        Args:
            rule: The rule; its column exists on the destination.
            looked_up: For a lookup: its join, its expression and its type.
        """
        built = Built()
        column = self.target.by_name[rule.name]
        if rule.lookup is not None and looked_up is None:
            return built
        raw = self._raw(rule, built, column.wire, looked_up)
        value = self._value(rule, column, raw, column.wire, built) if raw else None
        if raw is not None and value is not None:
            final = self._treated(rule, column, raw, value, column.wire, built)
            built.plan = self._planned(rule, column, raw, final, built)
        return built

    def _planned(
        self, rule: ColumnRule, column: Column, raw: Raw, final: str, built: Built
    ) -> ColumnPlan:
        """Return the plan of a column, and tell its faults what it reads."""
        wire, needs = column.wire, built.names()
        built.faults = [dataclasses.replace(fault, needs=needs) for fault in built.faults]
        exact = raw.type in {wire, NAIVE, column.type} or {raw.type, wire} <= TEXTUAL
        changed = rule.cast or rule.values or rule.write
        return ColumnPlan(
            name=rule.name,
            type=wire,
            sql=f"({final})::{wire}",
            rule=rule,
            source=rule.source,
            source_type=self.source.by_name[rule.source].type if rule.source else None,
            as_text=wire not in HASHED or wire != column.type,
            binary=column.is_builtin or column.is_text,
            exact=exact and rule.source is not None and not changed,
            needs=needs,
            sources=tuple(sorted(built.sources)),
        )

    def interpolate(
        self, text: str, rule: ColumnRule, built: Built, cast: str = "", zone: str | None = None
    ) -> str:
        """Replace `{column}` by the source column, and note which were used.

        With a `zone`, columns without one are read as what a clock there showed.
        """

        def column(match: re.Match[str]) -> str:
            name = name_of(match)
            if name is None:
                return match.group(0)[0]
            if name not in self.source.by_name:
                self._unknown(built, rule, name)
                return "null"
            built.sources.add(name)
            if zone is not None and self.source.by_name[name].type in READ_OTHERWISE[AWARE]:
                return f"(s.{quoted(name)}::timestamp at time zone {literal(zone)})"
            return f"s.{quoted(name)}{cast}"

        return REFERENCE.sub(column, text)

    def row_fault(self, rule: RowRule, built: Built) -> FaultPlan:
        """Return the fault of a rule that keeps rows out by a condition."""
        at = ColumnRule("quarantine", rule.place)
        self._check_zones(at, rule.condition, built)
        condition = f"coalesce({enclosed(self.interpolate(rule.condition, at, built))}, false)"
        return FaultPlan("", Fault.MALFORMED, condition, Action.QUARANTINE, rule.reason, rule.place)

    def _problem(self, built: Built, rule: ColumnRule, what: str, fix: str) -> None:
        what = f"`{self.target.name}.{rule.name}`: {what}"
        built.problems.append(Problem(rule.place, what, fix))

    def _unknown(self, built: Built, rule: ColumnRule, name: str | None) -> None:
        fix = f"columns of `{self.source.name}`: {', '.join(sorted(self.source.by_name))}"
        self._problem(built, rule, f"there is no source column `{name}`", fix)

    def _raw(
        self, rule: ColumnRule, built: Built, wire: str, looked_up: tuple[Join, str, str] | None
    ) -> Raw | None:
        if rule.constant is not None:
            given = rule.constant.value
            if given == TIME_OF_RUN:
                return self._time_of_run(rule, built, wire)
            return Raw(constant(given, wire), wire, given is not None)
        if looked_up is not None:
            join, sql, kind = looked_up
            built.joins.append(join)
            return Raw(sql, kind, known=False)
        if rule.sql is not None:
            self._check_zones(rule, rule.sql, built)
            name = f"sql:{rule.name}"
            made = self.interpolate(rule.sql, rule, built, zone=self._zone_of(rule, built, wire))
            built.parsed.append(Parsed(name, f"{enclosed(made)}::{wire}", by_hand=True))
            return Raw(f"s.{quoted(name)}", wire, known=False)
        if rule.source not in self.source.by_name:
            self._unknown(built, rule, rule.source)
            return None
        built.sources.add(rule.source)
        found = self.source.by_name[rule.source]
        cast = "" if found.is_builtin else "::text"
        kind = "text" if cast and found.is_text else found.type
        return Raw(f"s.{quoted(rule.source)}{cast}", kind, not found.nullable)

    def _check_zones(self, rule: ColumnRule, text: str, built: Built) -> None:
        """Find names of zones that PostgreSQL takes for something else, or does not know."""
        for zone in zones_in(text):
            if (fix := zones.advice(zone)) is not None:
                self._problem(built, rule, f"`at time zone '{zone}'` names no time zone", fix)

    def _zone_of(self, rule: ColumnRule, built: Built, wire: str) -> str | None:
        """Return the zone in which `sql:` reads timestamps without one; it needs one to move them.

        Where it says `at time zone` itself, it has dealt with them.
        """
        known = self.source.by_name
        named = names_in(rule.sql) & set(known)
        bare = ", ".join(sorted(n for n in named if known[n].type in READ_OTHERWISE.get(wire, ())))
        if not bare or reads_clocks(rule.sql):
            return None
        if wire != AWARE:
            what = f"`{bare}` is a moment, and the column shows a clock without a zone"
            self._problem(built, rule, what, "write `{…} at time zone 'UTC'`, or its own zone")
        elif rule.zone is None:
            what = f"`{bare}` shows a clock without a zone"
            self._problem(built, rule, what, "add `zone: UTC`, or the zone its clock showed")
        return rule.zone if wire == AWARE else None

    def _time_of_run(self, rule: ColumnRule, built: Built, wire: str) -> Raw | None:
        if wire not in {AWARE, NAIVE, "date"}:
            what = f"`{TIME_OF_RUN}` is a moment, the destination {wire}"
            self._problem(built, rule, what, "give it to a timestamp")
            return None
        return Raw(constant(self.moment, wire), wire, known=True)

    def _value(
        self, rule: ColumnRule, column: Column, raw: Raw, wire: str, built: Built
    ) -> str | None:
        """Return the value in the destination's type; NULL where it cannot be read."""
        if (wrong := wrong_cast(rule, column, raw, wire)) is not None:
            self._problem(built, rule, *wrong)
            return None
        text = raw.sql if raw.type in TEXTUAL and rule.cast not in UNREPEATED else None
        read = self._read(rule, raw if text is None else Raw("d.text", "text", raw.known), wire)
        if read is not None:
            name = f"read:{rule.name}"
            built.parsed.append(Parsed(name, read, text))
            return f"s.{quoted(name)}"
        if rule.zone is not None and raw.type == NAIVE:
            return f"({raw.sql} at time zone {literal(rule.zone)})"
        if (raw.type, wire) == SHOWN_OTHERWISE:
            return f"({raw.sql})::text::{wire}"
        return raw.sql

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
            self._problem(built, rule, what, fix)
        return treatment.final()

    def _cast_from(self, rule: ColumnRule) -> tuple[str, str] | None:
        """Return value and type of the column that `sql:` casts, where that is all it does."""
        found = ONLY_CAST.fullmatch((rule.sql or "").strip())
        column = self.source.by_name.get(name_of(found) or "") if found else None
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
            self._problem(built, rule, what, "use `sql:`")
            return "false"
        fold = casts.folded if rule.same == "folded" else str
        table = self.source.rows
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
                parts.append(self.interpolate(match.group(0), rule, built, cast="::text"))
            position = match.end()
        return "(" + " || ".join([*parts, literal(text[position:])]) + ")"

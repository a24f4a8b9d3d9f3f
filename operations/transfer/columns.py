"""Turn one column rule into the expression of its value and the faults it may have."""

import re
from dataclasses import dataclass, field

from operations.transfer import casts
from operations.transfer.catalog import Column, Table
from operations.transfer.plan import ColumnPlan, FaultPlan
from operations.transfer.quoting import constant, literal, quoted
from operations.transfer.rules import Action, ColumnRule, Fault, Problem

TEXTUAL = {"text", "character varying", "bpchar", "citext", "name"}
WIDENINGS = {
    ("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"),
    ("smallint", "numeric"), ("integer", "numeric"), ("bigint", "numeric"),
    ("smallint", "double precision"), ("integer", "double precision"), ("real", "double precision"),
    ("date", "text"), ("uuid", "text"), ("json", "jsonb"),
}  # fmt: skip
HASHED = {
    "boolean", "bytea", "smallint", "integer", "bigint", "text", "character varying", "bpchar",
    "real", "double precision", "numeric", "date", "time without time zone", "time with time zone",
    "timestamp without time zone", "timestamp with time zone", "interval", "uuid", "jsonb", "inet", "oid",
}  # fmt: skip
NAIVE, AWARE, TIME = (
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
)
CAST_TARGETS = {
    "boolean": {"boolean"},
    "date": {"date", AWARE},
    "time": {TIME},
    "json": {"json", "jsonb"},
    "integer": {"smallint", "integer", "bigint"},
    "text": TEXTUAL,
}
REFERENCE = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


@dataclass
class Built:
    """What one rule came to, with what the table's query must provide for it."""

    plan: ColumnPlan | None = None
    faults: list[FaultPlan] = field(default_factory=list)
    parsed: list[tuple[str, str]] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Builder:
    """Build the columns of one table; one instance per table.

    `key` is the source's primary key column, when it has just one.
    """

    source: Table
    source_schema: str
    target: Table
    server_version: int
    key: str | None

    def build(self, rule: ColumnRule, lookup_join: tuple[str, str, str] | None = None) -> Built:
        """Return expression, faults and problems of one rule.

        Args:
            rule: The rule; its column exists on the destination.
            lookup_join: For a lookup: the join, its expression and its type.
        """
        built = Built()
        column = self.target.by_name[rule.name]
        wire = column.type if column.kind == "b" or column.kind == "d" else "text"
        raw, raw_type, known = self._raw(rule, built, wire, lookup_join)
        if raw is None:
            return built
        value = self._value(rule, column, raw, raw_type, wire, built)
        if value is not None:
            final = self._final(rule, column, raw, value, wire, built, known=known)
            source_type = self.source.by_name[rule.source].type if rule.source else None
            exact = raw_type in {wire, NAIVE} or {raw_type, wire} <= TEXTUAL
            exact = exact and rule.source is not None and not (rule.cast or rule.values)
            built.plan = ColumnPlan(
                rule.name, wire, f"({final})::{wire}", rule, rule.source, source_type,
                as_text=wire not in HASHED or column.kind == "e", exact=exact,
            )  # fmt: skip
        return built

    def interpolate(
        self, rule_text: str, place_rule: ColumnRule, built: Built, cast: str = ""
    ) -> str:
        """Replace `{column}` by the source column, and note which were used."""

        def column(match: re.Match[str]) -> str:
            name = match.group(1)
            if name is None:
                return match.group(0)[0]
            if name not in self.source.by_name:
                fix = f"columns of `{self.source.name}`: {', '.join(sorted(self.source.by_name))}"
                self._problem(built, place_rule, f"there is no source column `{name}`", fix)
                return "null"
            built.sources.add(name)
            return f"s.{quoted(name)}{cast}"

        return REFERENCE.sub(column, rule_text)

    def _problem(self, built: Built, rule: ColumnRule, what: str, fix: str) -> None:
        built.problems.append(Problem(rule.place, f"`{self.target.name}.{rule.name}`: {what}", fix))

    def _raw(
        self, rule: ColumnRule, built: Built, wire: str, lookup_join: tuple[str, str, str] | None
    ) -> tuple[str | None, str, bool]:
        """Return the untouched value, its type, and whether it is known never to be NULL."""
        if rule.constant is not None:
            return constant(rule.constant.value, wire), wire, rule.constant.value is not None
        if lookup_join is not None:
            join, sql, lookup_type = lookup_join
            built.joins.append(join)
            return sql, lookup_type, False
        if rule.sql is not None:
            name = f"sql:{rule.name}"
            built.parsed.append((name, f"({self.interpolate(rule.sql, rule, built)})::{wire}"))
            return f"s.{quoted(name)}", wire, False
        if rule.source not in self.source.by_name:
            fix = f"columns of `{self.source.name}`: {', '.join(sorted(self.source.by_name))}"
            self._problem(built, rule, f"there is no source column `{rule.source}`", fix)
            return None, "", False
        built.sources.add(rule.source)
        found = self.source.by_name[rule.source]
        return f"s.{quoted(rule.source)}", found.type, not found.nullable

    def _value(
        self, rule: ColumnRule, column: Column, raw: str, raw_type: str, wire: str, built: Built
    ) -> str | None:
        """Return the value in the destination's type; NULL where it cannot be read."""
        if rule.cast and wire not in CAST_TARGETS[rule.cast]:
            self._problem(
                built,
                rule,
                f"`cast: {rule.cast}` does not give {column.declared}",
                "choose another cast",
            )
            return None
        for form in rule.formats:
            if not casts.well_formed(form, rule.cast or "date"):
                self._problem(
                    built, rule, f"format `{form}` is not complete", "name YYYY, MM, DD or HH24, MI"
                )
                return None
        if rule.cast in {"date", "time", "json"} and raw_type not in TEXTUAL:
            self._problem(
                built,
                rule,
                f"`cast: {rule.cast}` reads text, the source is {raw_type}",
                "remove the cast",
            )
            return None
        read: str | None = None
        if rule.cast == "boolean":
            read = casts.parse_boolean(raw, raw_type)
        elif rule.cast == "date":
            read = casts.parse_date(raw, casts.ordered(rule.formats, rule.order))
        elif rule.cast == "time":
            read = casts.parse_time(raw, rule.formats)
        elif rule.cast == "json":
            read = casts.parse_json(raw, wire, rule.shape, self.server_version)
        elif rule.cast == "integer":
            read = casts.parse_integer(raw, wire)
        elif rule.cast == "text":
            read = f"{raw}::text"
        if rule.values:
            read = casts.pick(raw, rule.values, wire, read or f"null::{wire}")
        if read is not None:
            name = f"read:{rule.name}"
            built.parsed.append((name, read))
            return f"s.{quoted(name)}"
        if raw_type == NAIVE and wire == AWARE:
            if rule.zone is None:
                fix = "add `zone: UTC`, or the zone its clock showed"
                self._problem(built, rule, "a timestamp without zone needs one", fix)
                return None
            return f"({raw} at time zone {literal(rule.zone)})"
        if rule.zone is not None:
            self._problem(
                built, rule, f"`zone` does not apply from {raw_type} to {wire}", "remove `zone`"
            )
            return None
        fits = raw_type == wire or (raw_type, wire) in WIDENINGS or {raw_type, wire} <= TEXTUAL
        if not fits and not (raw_type in {"uuid", "date"} and wire in TEXTUAL):
            fix = "declare `cast:`, `values:` or `sql:`"
            self._problem(
                built, rule, f"the source is {raw_type}, the destination {column.declared}", fix
            )
            return None
        return raw

    def _final(
        self,
        rule: ColumnRule,
        column: Column,
        raw: str,
        value: str,
        wire: str,
        built: Built,
        *,
        known: bool,
    ) -> str:
        """Wrap the value in what is done about its faults, and list these."""
        textual = wire in TEXTUAL
        said = dict(rule.when)
        absent = f"{raw} is null" + (f" or {casts.listed(raw, rule.nulls)}" if rule.nulls else "")
        if rule.nulls and value == raw:
            value = f"(case when {absent} then null else {raw} end)"
        if Fault.UNTRIMMED in said:
            built.faults.append(
                self._fault(
                    rule,
                    Fault.UNTRIMMED,
                    f"{value} <> {casts.trimmed(value)}",
                    raw,
                    casts.trimmed(value),
                )
            )
            value = casts.trimmed(value)
        conditions: dict[Fault, str] = {}
        if (
            not column.nullable
            and rule.default is None
            and not known
            or Fault.NULL in said
            or (not column.nullable and rule.default is None and rule.nulls)
        ):
            conditions[Fault.NULL] = absent
        if Fault.BLANK in said:
            conditions[Fault.BLANK] = f"{casts.trimmed(f'{raw}::text')} = ''"
        may_fail = rule.cast in {"boolean", "date", "time", "json", "integer"} or bool(rule.values)
        if may_fail or Fault.UNCASTABLE in said:
            sources = " and ".join(
                f"s.{quoted(name)} is not null" for name in sorted(built.sources)
            )
            there = f"not ({absent})" if rule.sql is None else sources or "true"
            conditions[Fault.UNCASTABLE] = f"{there} and {value} is null"
        if rule.pattern:
            conditions[Fault.MALFORMED] = casts.is_malformed(value, rule.pattern)
        if column.length is not None and textual:
            conditions[Fault.TOO_LONG] = f"char_length({value}) > {column.length}"
        if Fault.DUPLICATE in said:
            conditions[Fault.DUPLICATE] = self._duplicate(rule, built)
        final = value
        for fault in (Fault.BLANK, Fault.TOO_LONG):
            if said.get(fault) is Action.NULL and fault in conditions:
                final = f"(case when {conditions[fault]} then null else {final} end)"
        if said.get(Fault.TOO_LONG) is Action.TRUNCATE and Fault.TOO_LONG in conditions:
            final = f"left({final}, {column.length})"
        stand_in = {
            Action.PLACEHOLDER: self._placeholder(rule, built),
            Action.SENTINEL: constant(rule.sentinel.value, wire) if rule.sentinel else "null",
        }
        branches = [
            f"when {condition} then {stand_in[said[fault]]}"
            for fault, condition in conditions.items()
            if said.get(fault) in stand_in
        ]
        if branches:
            final = f"case {' '.join(branches)} else {final} end"
        if rule.default is not None:
            final = f"coalesce({final}, {constant(rule.default.value, wire)})"
        for fault, condition in conditions.items():
            built.faults.append(self._fault(rule, fault, condition, raw, f"({final})"))
        nulled = [f for f, a in said.items() if a is Action.NULL and f in conditions]
        if nulled and not column.nullable and rule.default is None:
            fix = "add `default: …`, or choose another action"
            self._problem(
                built, rule, f"`when_{nulled[0]}: null` leaves a NOT NULL column empty", fix
            )
        if rule.default is not None and rule.default.value is None and not column.nullable:
            self._problem(
                built, rule, "its default is null and the column NOT NULL", "give a value"
            )
        return final

    def _duplicate(self, rule: ColumnRule, built: Built) -> str:
        """Return a condition: an earlier row of the source holds the same value."""
        if self.key is None or rule.source is None:
            self._problem(
                built,
                rule,
                "when_duplicate needs `from` and a one-column primary key",
                "use `sql:`",
            )
            return "false"
        fold = casts.folded if rule.same == "folded" else str
        own, table = (
            fold(f"s.{quoted(rule.source)}"),
            f"{quoted(self.source_schema)}.{quoted(self.source.name)}",
        )
        name, key = quoted(f"first:{rule.name}"), quoted(self.key)
        keys = f"select {fold(f'd.{quoted(rule.source)}')} as k, d.{key} as first from {table} d"
        first = f"select distinct on (k) k, first from ({keys}) d where k <> '' order by k, first"
        built.joins.append(f"left join ({first}) {name} on {name}.k = {own}")
        return f"{name}.first < s.{key}"

    def _placeholder(self, rule: ColumnRule, built: Built) -> str:
        parts: list[str] = []
        position = 0
        text = rule.placeholder or ""
        for match in REFERENCE.finditer(text):
            parts.append(literal(text[position : match.start()]))
            parts.append(self.interpolate(match.group(0), rule, built, cast="::text"))
            position = match.end()
        return "(" + " || ".join([*parts, literal(text[position:])]) + ")"

    def _fault(
        self, rule: ColumnRule, fault: Fault, condition: str, old: str, new: str
    ) -> FaultPlan:
        action = rule.action(fault) or Action.REFUSE
        said = WORDS[fault].format(column=rule.source or rule.name)
        reason = f"{said}: {rule.reason}" if rule.reason else said
        if rule.secret:
            old = new = "'withheld'::text"
        return FaultPlan(
            rule.name, fault, f"coalesce({condition}, false)", action, reason, rule.place,
            f"({old})::text", f"({new})::text",
        )  # fmt: skip


WORDS = {
    Fault.NULL: "`{column}` is NULL",
    Fault.BLANK: "`{column}` is blank",
    Fault.UNCASTABLE: "`{column}` cannot be read",
    Fault.MALFORMED: "`{column}` has not its declared form",
    Fault.TOO_LONG: "`{column}` is too long",
    Fault.DUPLICATE: "`{column}` is there already",
    Fault.ORPHAN: "`{column}` refers to a row that is not moved",
    Fault.UNTRIMMED: "`{column}` has blanks around it",
}

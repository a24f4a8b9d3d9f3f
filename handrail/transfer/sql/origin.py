"""The source row that the columns of a table are made of: its values, and SQL written over it."""

import re
from dataclasses import dataclass

from handrail.transfer.mapping import zones
from handrail.transfer.mapping.rules import TIME_OF_RUN, Action, ColumnRule, Fault, Problem, RowRule
from handrail.transfer.session.quoting import constant, literal, quoted
from handrail.transfer.sql.built import Built, Raw
from handrail.transfer.sql.catalog import Table
from handrail.transfer.sql.named import (
    REFERENCE,
    enclosed,
    name_of,
    names_in,
    reads_clocks,
    zones_in,
)
from handrail.transfer.sql.parsed import Join, Parsed
from handrail.transfer.sql.parts import FaultPlan
from handrail.transfer.sql.types import AWARE, NAIVE, TIME

# What PostgreSQL would make of each other by the zone of the session; a date by its midnight there.
READ_OTHERWISE = {AWARE: {NAIVE, "date"}, NAIVE: {AWARE}, "date": {AWARE}, TIME: {AWARE}}


@dataclass(frozen=True)
class Origin:
    """What the rules of one table name of its source; `moment` is that of the load."""

    source: Table
    target: Table
    moment: str

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

    def raw(
        self, rule: ColumnRule, built: Built, wire: str, looked_up: tuple[Join, str, str] | None
    ) -> Raw | None:
        """Return the value of a rule; None where the source has none, which is noted.

        Args:
            rule: The rule.
            built: What it came to so far.
            wire: Type as which the value travels.
            looked_up: For a lookup: its join, its expression and its type.
        """
        if rule.constant is not None:
            return self._constant(rule, rule.constant.value, built, wire)
        if looked_up is not None:
            join, sql, kind = looked_up
            built.joins.append(join)
            return Raw(sql, kind, known=False)
        if rule.sql is not None:
            return self._computed(rule, rule.sql, built, wire)
        return self._copied(rule, built)

    def _computed(self, rule: ColumnRule, sql: str, built: Built, wire: str) -> Raw:
        """Return the value of `sql:`."""
        self._check_zones(rule, sql, built)
        name = f"sql:{rule.name}"
        made = self.interpolate(sql, rule, built, zone=self._zone_of(rule, built, wire))
        built.parsed.append(Parsed(name, f"{enclosed(made)}::{wire}", by_hand=True))
        return Raw(f"s.{quoted(name)}", wire, known=False)

    def _copied(self, rule: ColumnRule, built: Built) -> Raw | None:
        """Return the value of a source column; of a type of its schema's own, as text."""
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
                self.problem(built, rule, f"`at time zone '{zone}'` names no time zone", fix)

    def _zone_of(self, rule: ColumnRule, built: Built, wire: str) -> str | None:
        """Return the zone in which `sql:` reads timestamps without one; it needs one to move them.

        Where it says `at time zone` itself, it has dealt with them.
        """
        bare = self._read_otherwise(rule, wire)
        if not bare or reads_clocks(rule.sql):
            return None
        if wire != AWARE:
            what = f"`{bare}` is a moment, and the column shows a clock without a zone"
            self.problem(built, rule, what, "write `{…} at time zone 'UTC'`, or its own zone")
            return None
        if rule.zone is None:
            what = f"`{bare}` shows a clock without a zone"
            self.problem(built, rule, what, "add `zone: UTC`, or the zone its clock showed")
        return rule.zone

    def _read_otherwise(self, rule: ColumnRule, wire: str) -> str:
        """List the columns `sql:` reads that PostgreSQL would read by the session's zone."""
        known = self.source.by_name
        named = names_in(rule.sql) & known.keys()
        return ", ".join(sorted(n for n in named if known[n].type in READ_OTHERWISE.get(wire, ())))

    def _constant(self, rule: ColumnRule, given: object, built: Built, wire: str) -> Raw | None:
        if given != TIME_OF_RUN:
            return Raw(constant(given, wire), wire, given is not None)
        if wire not in {AWARE, NAIVE, "date"}:
            what = f"`{TIME_OF_RUN}` is a moment, the destination {wire}"
            self.problem(built, rule, what, "give it to a timestamp")
            return None
        return Raw(constant(self.moment, wire), wire, known=True)

    def problem(self, built: Built, rule: ColumnRule, what: str, fix: str) -> None:
        """Note what is wrong with a rule."""
        what = f"`{self.target.name}.{rule.name}`: {what}"
        built.problems.append(Problem(rule.place, what, fix))

    def _unknown(self, built: Built, rule: ColumnRule, name: str | None) -> None:
        fix = f"columns of `{self.source.name}`: {', '.join(sorted(self.source.by_name))}"
        self.problem(built, rule, f"there is no source column `{name}`", fix)

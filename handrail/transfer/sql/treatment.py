"""What is done about each fault that one value may have."""

from dataclasses import dataclass
from functools import cached_property

from handrail.transfer.mapping.rules import Action, ColumnRule, Fault
from handrail.transfer.session.quoting import constant, quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.parts import FaultPlan
from handrail.transfer.sql.types import MOMENTS, NUMBERS, ROUNDED

WORDS = {
    Fault.NULL: "`{column}` is NULL",
    Fault.BLANK: "`{column}` is blank",
    Fault.UNCASTABLE: "`{column}` cannot be read",
    Fault.MALFORMED: "`{column}` does not have its declared form",
    Fault.TOO_LONG: "`{column}` is too long",
    Fault.DUPLICATE: "`{column}` is there already",
    Fault.ORPHAN: "`{column}` refers to a row that is not moved",
    Fault.UNTRIMMED: "`{column}` has blanks around it",
    Fault.UNREADABLE: "`{column}` holds a moment that Python cannot",
    Fault.LOSSY: "`{column}` loses part of its value",
}
FAILING = {"boolean", "date", "time", "json", "integer"}


def worded(rule: ColumnRule, fault: Fault) -> str:
    """Say a fault of a column in words, with the reason the mapping gives."""
    said = WORDS[fault].format(column=rule.source or rule.name)
    return f"{said}: {rule.reason}" if rule.reason else said


@dataclass(frozen=True)
class Treatment:
    """One value on its way to its column.

    `raw` is the source's own value, never NULL where `known`; `value` is it in the destination's
    type, NULL where it cannot be read. `sources` are the source columns a `sql:` rule reads, and
    `cast_from` the value of the one that it does nothing with but cast it. `declared` is the
    destination's type with its precision.
    """

    rule: ColumnRule
    nullable: bool
    length: int | None
    raw: str
    raw_type: str
    server_version: int
    known: bool
    value: str
    type: str
    declared: str
    sources: tuple[str, ...]
    cast_from: tuple[str, str] | None
    malformed: str | None
    duplicate: str | None
    placeholder: str

    @cached_property
    def absent(self) -> str:
        """Return a condition: there is no value, or a text that is declared to mean none."""
        nulls = self.rule.nulls
        return f"{self.raw} is null" + (f" or {casts.listed(self.raw, nulls)}" if nulls else "")

    @cached_property
    def read(self) -> str:
        """Return the value with declared nulls taken out and blanks trimmed."""
        value = self.value
        if self.rule.nulls and value == self.raw:
            value = f"(case when {self.absent} then null else {value} end)"
        return casts.trimmed(value) if self.rule.action(Fault.UNTRIMMED) else value

    @cached_property
    def written(self) -> str:
        """Return the value as its column holds it: a text may stand between others there."""
        return casts.written(self.read, self.rule.write)

    @cached_property
    def conditions(self) -> dict[Fault, str]:
        """Return the condition of each fault that this value may have."""
        found = {
            Fault.NULL: self.absent if self._may_be_null() else None,
            Fault.BLANK: self._blank(),
            Fault.UNCASTABLE: self._uncastable(),
            Fault.MALFORMED: self._malformed(),
            Fault.TOO_LONG: self._too_long(),
            Fault.DUPLICATE: self.duplicate,
            Fault.UNTRIMMED: self._untrimmed(),
            Fault.UNREADABLE: self._unreadable(),
            Fault.LOSSY: self._lossy(),
        }
        return {fault: condition for fault, condition in found.items() if condition is not None}

    def _malformed(self) -> str | None:
        if self.malformed is None or not self.rule.nulls:
            return self.malformed
        return f"{self.malformed} and not ({self.absent})"

    def _may_be_null(self) -> bool:
        if self.rule.action(Fault.NULL):
            return True
        wanted = not self.nullable and self.rule.default is None
        return wanted and (not self.known or bool(self.rule.nulls))

    def _blank(self) -> str | None:
        if not self.rule.action(Fault.BLANK):
            return None
        return f"{casts.trimmed(f'{self.raw}::text')} = ''"

    def _uncastable(self) -> str | None:
        may_fail = self.rule.cast in FAILING or self.rule.values
        if not may_fail and not self.rule.action(Fault.UNCASTABLE):
            return None
        # in this order: most values can be read, and then nothing else is looked at
        return f"{self.read} is null and {self._is_there()}"

    def _is_there(self) -> str:
        """Return a condition: there is something to be read."""
        if self.rule.sql is None:
            return f"not ({self.absent})"
        return " and ".join(f"s.{quoted(name)} is not null" for name in self.sources) or "true"

    def _too_long(self) -> str | None:
        """Return a condition; a text of few bytes has few characters, and those take long."""
        if not self.length:
            return None
        text, length = self.written, self.length
        if self.type == "name":  # its length is one of bytes
            return f"octet_length({text}) > {length}"
        return f"octet_length({text}) > {length} and char_length({text}) > {length}"

    def _untrimmed(self) -> str | None:
        if not self.rule.action(Fault.UNTRIMMED):
            return None
        return f"{self.value} <> {casts.trimmed(self.value)}"

    def _unreadable(self) -> str | None:
        if self.rule.constant is not None or self.rule.cast in {"date", "time"}:
            return None  # formats name years of four digits and hours below 24
        return casts.is_unreadable(self.read, self.type)

    def _lossy(self) -> str | None:
        """Return a condition: a cast, or the precision of the column, takes something away."""
        of_cast = self._lost_by_cast(*self.cast_from) if self.cast_from else None
        return of_cast or self._lost_blanks() or self._lost_keys() or self._lost_digits()

    def _lost_blanks(self) -> str | None:
        if self.type != "bpchar" or self.raw_type == "bpchar":
            return None
        return f"({self.raw})::text like '% '"  # those at its end do not count

    def _lost_keys(self) -> str | None:
        if self.type != "jsonb" or "json" not in (self.raw_type, self.rule.cast):
            return None
        repeats = casts.repeats_keys(f"({self.raw})::json", self.server_version)
        return f"case when {self.read} is not null then {repeats} end"

    def _lost_digits(self) -> str | None:
        if not self.rule.action(Fault.LOSSY) or not self._is_rounded():
            return None
        return f"{self._rounded(self.read)} <> {self.read}"

    def _lost_by_cast(self, raw: str, kind: str) -> str | None:
        if {kind, self.type} <= NUMBERS:
            # the shortest text that is the same number: binary fractions have no other digits
            return f"({self.read})::text::numeric <> ({raw})::text::numeric"
        if {kind, self.type} <= MOMENTS:
            return f"({self.read})::{kind} <> {raw}"
        return None

    def _is_rounded(self) -> bool:
        return self.type in ROUNDED and self.declared != self.type

    def _rounded(self, value: str) -> str:
        """Return a value as its column would hold it; too large a number is not refused here."""
        if self.type != "numeric":
            return f"({value})::{self.declared}"
        return f"round({value}, {self.declared.rstrip(')').rpartition(',')[2]})"

    def final(self) -> str:
        """Return the value as it is moved."""
        final = self._stood_in_for(self._rounded_off(self._cut(self._emptied())))
        if self.rule.default is not None:
            final = f"coalesce({final}, {constant(self.rule.default.value, self.type)})"
        return final

    def _emptied(self) -> str:
        """Return the value, NULL where a fault takes it away."""
        final = self.written
        for fault in (Fault.BLANK, Fault.TOO_LONG, Fault.UNREADABLE):
            if fault in self._nulled():
                final = f"(case when {self.conditions[fault]} then null else {final} end)"
        return final

    def _nulled(self) -> list[Fault]:
        """Return the faults that leave the column empty."""
        said = (fault for fault, action in self.rule.when if action is Action.NULL)
        return list(filter(self.conditions.__contains__, said))

    def _cut(self, value: str) -> str:
        """Return a value, shorter where it is too long and may be made so."""
        action = self.rule.action(Fault.TOO_LONG) if self.length else None
        if action is Action.TRUNCATE:
            fits = f"octet_length({value}) <= {self.length}"
            return f"(case when {fits} then {value} else left({value}, {self.length}) end)"
        if action is Action.SHORTEN:
            short = casts.shortened(value, self.length or 0)
            return f"(case when {self.conditions[Fault.TOO_LONG]} then {short} else {value} end)"
        return value

    def _rounded_off(self, value: str) -> str:
        rounds = self.rule.action(Fault.LOSSY) is Action.ROUND and self._is_rounded()
        return self._rounded(value) if rounds else value

    def _stood_in_for(self, value: str) -> str:
        """Return a value, or what stands in for it where it has such a fault."""
        stand_ins = self._stand_ins()
        said = dict(self.rule.when)
        branches = [
            f"when {condition} then {stand_ins[said[fault]]}"
            for fault, condition in self.conditions.items()
            if said.get(fault) in stand_ins
        ]
        return f"case {' '.join(branches)} else {value} end" if branches else value

    def _stand_ins(self) -> dict[Action | None, str]:
        """Return what stands in for a value, by the action that says so."""
        found: dict[Action | None, str] = {Action.PLACEHOLDER: self.placeholder}
        if self.rule.sentinel is not None:
            found[Action.SENTINEL] = constant(self.rule.sentinel.value, self.type)
        return found

    def faults(self) -> list[FaultPlan]:
        """Return the faults with what is done about each; undeclared ones are refused."""
        new = self._shown(self.final())
        return [self._fault(fault, condition, new) for fault, condition in self.conditions.items()]

    def _fault(self, fault: Fault, condition: str, new: str) -> FaultPlan:
        return FaultPlan(
            self.rule.name,
            fault,
            f"coalesce({condition}, false)",
            self.rule.action(fault) or Action.REFUSE,
            worded(self.rule, fault),
            self.rule.place,
            self._shown(self._given() if fault is Fault.LOSSY else self.raw),
            new,
        )

    def _given(self) -> str:
        """Return what a cast was given."""
        return self.cast_from[0] if self.cast_from else self.raw

    def _shown(self, value: str) -> str:
        """Return a value as people may see it."""
        return "'withheld'::text" if self.rule.secret else f"({value})::text"

    def contradictions(self) -> list[tuple[str, str]]:
        """List what the rule says that its column cannot hold, each with the fix."""
        if self.nullable:
            return []
        if self.rule.default is None:
            fix = "add `default: …`, or choose another action"
            what = "`when_{}: null` leaves a NOT NULL column empty"
            return [(what.format(fault), fix) for fault in self._nulled()]
        if self.rule.default.value is None:
            return [("its default is null and the column NOT NULL", "give a value")]
        return []

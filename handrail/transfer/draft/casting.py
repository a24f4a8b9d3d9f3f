"""How the values of one source column become those of another type."""

from dataclasses import dataclass

import psycopg
from psycopg.errors import CannotCoerce

from handrail.transfer.draft import yaml_text
from handrail.transfer.draft.rule import Rule
from handrail.transfer.session.connection import Connection, first_line, value
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.catalog import Column
from handrail.transfer.sql.named import reference
from handrail.transfer.sql.types import (
    AWARE,
    INTEGERS,
    MOMENTS,
    NAIVE,
    NUMBERS,
    TEXTUAL,
    TIME,
    WIDENINGS,
)

DATE_FORMATS = (
    "YYYY-MM-DD", "Month DD, YYYY", "MM/DD/YYYY", "DD/MM/YYYY", "DD Mon YYYY", "DD.MM.YYYY",
    "YYYY/MM/DD", "YYYY-MM-DDT*", "YYYY-MM-DD *",
)  # fmt: skip
TIME_FORMATS = ("HH24:MI", "HH24:MI:SS", "HH12:MI AM", "HH12:MI:SS AM", "HH24MIH")
NULLS = ("", "-")
READ_FROM_TEXT = {"date", AWARE, TIME, "json", "jsonb"}
SECONDS = 100_000_000_000  # since 1970 until the year 5138; what is more counts milliseconds
SHOWN_TEXTS = 8
LONGEST_TEXT = 40


@dataclass
class Casting:
    """A source column, and the destination column that it goes to.

    Args:
        session: Session on the source.
        table: Its table, as SQL names it.
        origin: The column.
        target: The destination column.
    """

    session: Connection
    table: str
    origin: Column
    target: Column

    @property
    def raw(self) -> str:
        """Read the column; labels and texts blind to case as plain texts."""
        plain = self.origin.type in TEXTUAL or not self.origin.is_text
        return f"s.{quoted(self.origin.name)}" + ("" if plain else "::text")

    def rows(self, condition: str) -> int:
        """Count the rows for which a condition holds."""
        return int(value(self.session, f"select count(*) from {self.table} s where {condition}"))

    def texts(self, condition: str) -> str:
        """List the most frequent texts for which a condition holds, each with its rows."""
        query = (
            f"select left({self.raw}::text, {LONGEST_TEXT}), count(*) from {self.table} s "
            f"where {condition} group by 1 order by 2 desc, 1 limit {SHOWN_TEXTS}"
        )
        found = self.session.execute(query).fetchall()
        return ", ".join(f"`{text}` {rows}" for text, rows in found)

    def cast(self, rule: Rule) -> None:
        """Draft what makes one type of the other, and list what cannot be read."""
        if self._is_taken:
            return
        target = self.target.type
        if (self.origin.type, target) == (NAIVE, AWARE):
            rule.parts["zone"] = "UTC"
            rule.doubts.append("which clock wrote it? UTC, or a place as Asia/Manila")
        elif self._is_read:
            self._read(rule)
        elif self.origin.is_text and target in READ_FROM_TEXT:
            self._from_text(rule)
        elif self.target.is_text:
            self._as_text(rule)
        else:
            self._narrow(rule)

    @property
    def _is_taken(self) -> bool:
        """Say whether the destination takes the values as they are."""
        types = self.origin.type, self.target.type
        return types[0] == types[1] or types in WIDENINGS

    @property
    def _is_read(self) -> bool:
        """Say whether yes and no are read, or whole numbers: of numbers, or texts that may be."""
        counts = self.origin.is_text or self.origin.type in NUMBERS
        return self.target.type == "boolean" or (self.target.type in INTEGERS and counts)

    def _as_text(self, rule: Rule) -> None:
        rule.parts["cast"] = "text"
        if self.origin.type == "bytea":
            rule.doubts.append("bytes become a text of hexadecimal digits")

    def _read(self, rule: Rule) -> None:
        """Draft how yes and no, or a whole number, is read."""
        origin, target = self.origin.type, self.target.type
        if target == "boolean":
            rule.parts["cast"] = "boolean"
            self._uncastable(rule, casts.parse_boolean(self.raw, origin), "yes or no")
        else:
            rule.parts["cast"] = "integer"
            self._uncastable(rule, casts.parse_integer(self.raw, target, origin), "a number")

    def _from_text(self, rule: Rule) -> None:
        """Draft how texts are read as dates, times, moments or JSON."""
        target = self.target.type
        if target in {"json", "jsonb"}:
            rule.parts |= {"cast": "json", "when_uncastable": "quarantine"}
            rule.parts["reason"] = '"CHECK: it holds no JSON"'
        elif target == TIME:
            self._formats(rule, "time", TIME_FORMATS)
        elif target == AWARE and self.rows(f"{self.raw} ~ '[0-9]:[0-9]'"):
            moment = f"{reference(self.origin.name)}::timestamptz"
            self._sql(rule, moment, "texts without a zone are read as UTC's")
        else:
            self._formats(rule, "date", DATE_FORMATS)

    def _narrow(self, rule: Rule) -> None:
        """Draft what only an expression can do, and say what it may lose."""
        changed = f"{self.origin.type} to {self.target.declared}"
        expression, doubt = self._moment() or self._number() or (self._other(), "")
        self._sql(rule, expression, f"{changed}{doubt}")
        if {self.origin.type, self.target.type} <= NUMBERS | MOMENTS:
            self._lossy(rule)

    def _moment(self) -> tuple[str, str] | None:
        """Return what makes a moment, or something of one, and what is doubtful about it."""
        origin, target, read = self.origin.type, self.target.type, reference(self.origin.name)
        zoned = f"{read} at time zone 'UTC'"
        ways = {
            (AWARE, NAIVE): (zoned, ", of UTC"),
            (AWARE, "date"): (f"({zoned})::date", ", of UTC"),
            ("date", AWARE): (
                f"{read}::timestamp at time zone 'UTC'",
                ": whose midnight? UTC's, or a place's, as Asia/Manila",
            ),
        }
        if origin in INTEGERS and target == AWARE:
            return f"to_timestamp({self._seconds(read)})", ", since 1970"
        return ways.get((origin, target))

    def _seconds(self, read: str) -> str:
        """Return the seconds that a number counts; many digits count milliseconds."""
        most = f"select max(abs({self.raw}::numeric)) from {self.table} s"
        return f"{read} / 1000.0" if (value(self.session, most) or 0) > SECONDS else read

    def _number(self) -> tuple[str, str] | None:
        """Return what makes a number of something else, and what is doubtful about it."""
        read, declared = reference(self.origin.name), self.target.declared
        ways = {
            "boolean": (f"{read}::int::{declared}", ": 1 and 0"),
            "interval": (f"extract(epoch from {read})::{declared}", ", in seconds"),
        }
        return ways.get(self.origin.type) if self.target.type in NUMBERS else None

    def _other(self) -> str:
        """Return a cast, or what else PostgreSQL has."""
        read = reference(self.origin.name)
        if self.target.type in {"json", "jsonb"}:
            return f"to_{self.target.type}({read})"
        # the destination reads a type of its own from text: the source need not have it
        kind = self.target.declared if self.target.is_builtin else "text"
        return f"{read}::{self._by_way_of(kind)}"

    def _by_way_of(self, kind: str) -> str:
        """Return a type, with text before it where PostgreSQL has no cast from one to the other."""
        try:
            with self.session.transaction():
                self.session.execute(f"explain select ({self.raw})::{kind} from {self.table} s")
        except CannotCoerce:
            return f"text::{kind}"
        return kind

    def _lossy(self, rule: Rule) -> None:
        """Say how many values do not come back from the type they go to."""
        try:
            with self.session.transaction():
                lost = self._loses()
        except psycopg.Error as error:
            rule.doubts.append(f"{first_line(error)}: the preflight names the values")
            return
        if lost:
            rule.parts["when_lossy"] = "round"
            verb = "loses" if lost == 1 else "lose"
            rule.doubts.append(f"{yaml_text.counted(lost, 'value')} {verb} digits")

    def _loses(self) -> int:
        origin, target = self.origin.type, self.target.type
        there = f"({self.raw})::{self.target.declared}"
        if {origin, target} <= NUMBERS:
            return self.rows(f"{there}::text::numeric <> ({self.raw})::text::numeric")
        return self.rows(f"{there}::{origin} <> {self.raw}") if {origin, target} <= MOMENTS else 0

    def _sql(self, rule: Rule, expression: str, doubt: str) -> None:
        rule.parts["sql"] = yaml_text.text(expression)
        rule.parts.pop("from", None)
        rule.doubts.append(doubt)

    def _uncastable(self, rule: Rule, read: str, kind: str) -> None:
        """Say what becomes of what cannot be read, and list it."""
        if self.origin.is_text and self.rows(casts.listed(self.raw, NULLS)):
            rule.parts["nulls"] = yaml_text.texts(list(NULLS))
        odd = f"{read} is null and {self.raw} is not null"
        if "nulls" in rule.parts:
            odd += f" and not {casts.listed(self.raw, NULLS)}"
        if lost := self.rows(odd):
            self._unread(rule, kind, lost, self.texts(odd))

    def _unread(self, rule: Rule, kind: str, lost: int, listed: str) -> None:
        if self.target.nullable:
            rule.parts |= {"when_uncastable": '"null"', "max_nulled": str(lost)}
        else:
            rule.parts |= {"when_uncastable": "quarantine", "reason": f'"CHECK: it is not {kind}"'}
        rule.doubts.append(f"{lost} are not {kind}; `values:` may say what they mean: {listed}")

    def _used(self, reads: dict[str, str]) -> list[str]:
        """Return the formats of which some row can be read, the frequent ones first."""
        counts = {form: self.rows(f"{read} is not null") for form, read in reads.items()}
        return sorted(filter(counts.get, counts), key=lambda form: -counts[form])

    def _formats(self, rule: Rule, cast: str, known: tuple[str, ...]) -> None:
        """Keep the formats that some row is written in, the frequent ones first."""
        parse = casts.parse_date if cast == "date" else casts.parse_time
        used = self._used({form: parse(self.raw, [form]) for form in known}) or [known[0]]
        rule.parts |= {"cast": cast, "formats": yaml_text.texts(used)}
        written = " ".join(used)
        if "MM/DD" in written and "DD/MM" in written:
            rule.parts["order"] = "month_first"
            rule.doubts.append("dates read either way are read month first")
        self._uncastable(rule, parse(self.raw, used), f"a {cast}")

"""One look at the rows of one source column, for what its rule must deal with."""

import json
from dataclasses import dataclass, field

from handrail.transfer.draft import yaml_text
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.catalog import Column
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL, TIME, WIDENINGS

DATE_FORMATS = (
    "YYYY-MM-DD", "Month DD, YYYY", "MM/DD/YYYY", "DD/MM/YYYY", "DD Mon YYYY", "DD.MM.YYYY",
    "YYYY/MM/DD", "YYYY-MM-DDT*", "YYYY-MM-DD *",
)  # fmt: skip
TIME_FORMATS = ("HH24:MI", "HH24:MI:SS", "HH12:MI AM", "HH12:MI:SS AM", "HH24MIH")
SECRETS = ("password", "passwd", "pwd", "hash", "secret", "token", "api_key", "apikey")
LINKS = ("url", "path", "pic", "image", "file", "avatar", "photo")
NULLS = ("", "-")
SHOWN_TEXTS = 8
LONGEST_TEXT = 40
# What a NOT NULL column without any source gets, until a person knows better.
FILLINGS = {
    "boolean": "false", "integer": "0", "bigint": "0", "smallint": "0", "double precision": "0",
    "real": "0", "numeric": "0", "jsonb": "{}", "json": "{}", "date": "2000-01-01",
    AWARE: '"2000-01-01 00:00:00+00"', NAIVE: '"2000-01-01 00:00:00"', TIME: '"00:00"',
    "uuid": '"00000000-0000-0000-0000-000000000000"',
}  # fmt: skip


@dataclass
class Rule:
    """One drafted rule; `doubts` are what a person has to look at."""

    column: str
    parts: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Say whether the column is copied as it is."""
        return not self.parts and not self.doubts

    def line(self) -> str:
        """Return the rule as one line of YAML."""
        body = ", ".join(f"{key}: {text}" for key, text in self.parts.items())
        doubt = f"  # CHECK: {yaml_text.comment('; '.join(self.doubts))}" if self.doubts else ""
        return f"      {yaml_text.text(self.column)}: {{{body}}}{doubt}"


def filling(column: Column) -> Rule:
    """Draft the rule of a column that has no source, and must hold something."""
    rule = Rule(column.name)
    if column.has_sequence:
        rule.parts["generated"] = "true"
    elif column.default is not None:
        rule.parts["generated"] = "true"
        rule.doubts.append(f"it has no source; the destination's default is {column.default}")
    elif column.type in {AWARE, NAIVE}:
        rule.parts["constant"] = '"{time_of_run}"'
        rule.doubts.append("it has no source; the moment of the load stands in")
    else:
        rule.parts["constant"] = FILLINGS.get(column.type, '""')
        rule.doubts.append("it has no source, and must hold something")
    return rule


@dataclass
class Look:
    """A look at one source column.

    Args:
        session: Session on the source.
        table: Its table, as SQL names it.
        origin: The column.
        target: The destination column it goes to.
        foreign: The destination column refers to another table.
        unique: The destination wants its values to differ.
        guarded: The source wants that, too.
        key: The one column of the source table's key, if it has just one.
        django: The destination table is one of Django's accounts.
    """

    session: Connection
    table: str
    origin: Column
    target: Column
    foreign: bool = False
    unique: bool = False
    guarded: bool = False
    key: str | None = None
    django: bool = False

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

    def rule(self, doubt: str | None) -> Rule:
        """Draft the rule; `doubt` says why the pair of columns is a guess."""
        rule = Rule(self.target.name, doubts=[doubt] if doubt else [])
        if self.origin.name != self.target.name:
            rule.parts["from"] = yaml_text.text(self.origin.name)
        both_texts = self.origin.is_text and self.target.is_text
        if not both_texts:
            self._cast(rule)
        elif any(word in self.target.name.lower() for word in SECRETS):
            self._secret(rule)
        elif any(word in self.target.name.lower() for word in LINKS):
            rule.parts["link"] = "true"
        if both_texts and self.target.length:
            self._length(rule)
        if self.unique and not self.guarded:
            self._unique(rule)
        self._absent(rule)
        return rule

    def _secret(self, rule: Rule) -> None:
        """Know bcrypt hashes, and Django's own form of them."""
        rule.parts |= {"secret": "true"}
        hashes = self.rows(f"{self.raw} ~ {literal(casts.BCRYPT)}")
        if not hashes:
            return
        rule.parts["pattern"] = "bcrypt"
        if self.django:
            rule.parts["write"] = '"bcrypt${value}"'
            rule.doubts.append(
                "Django's own hashers want `bcrypt$` before a hash, with BCryptPasswordHasher in "
                "PASSWORD_HASHERS; an application that checks bcrypt itself wants it as it is"
            )
        odd = self.rows(casts.is_malformed(self.raw, "bcrypt"))
        if odd:
            rule.parts |= {"when_malformed": "placeholder", "placeholder": '"!unusable"'}
            rule.parts["max_defaulted"] = str(odd)
            rule.doubts.append(f"{odd} of the texts are no bcrypt hashes")

    def _length(self, rule: Rule) -> None:
        read = casts.written(self.raw, "bcrypt${value}") if "write" in rule.parts else self.raw
        long = self.rows(f"char_length({read}) > {self.target.length}")
        if long:
            # what was cut short is the same sooner
            rule.parts["when_too_long"] = "shorten" if self.unique else "truncate"
            values = yaml_text.counted(long, "value")
            rule.doubts.append(f"{values} of more than {self.target.length} characters")

    def _unique(self, rule: Rule) -> None:
        """Say what becomes of values that another row holds, and of blanks, which are many."""
        there = f"{self.raw} is not null"
        if self._stands_in and (blanks := self.rows(f"{casts.trimmed(self.raw)} = ''")):
            there = f"{casts.trimmed(self.raw)} <> ''"
            rule.parts["when_blank"] = "placeholder"
            self._placeholder(rule, blanks)
            rule.doubts.append(f"{yaml_text.counted(blanks, 'row')} with a blank")
        groups = f"select count(*) as n from {self.table} s where {there} "
        query = f"select coalesce(sum(n - 1), 0)::bigint from ({groups} group by {self.raw}) g"
        again = value(self.session, query)
        if not again:
            return
        rows = yaml_text.counted(again, "row")
        rule.doubts.append(f"{rows} with what another holds; it has to be unique")
        if self.key is not None:
            rule.parts["when_duplicate"] = "quarantine"
            rule.parts.setdefault("reason", '"CHECK: another row holds it already"')

    @property
    def _stands_in(self) -> bool:
        """Say whether a text made from the key can stand in, where no text may repeat."""
        return self.unique and self.key is not None and self.origin.is_text and self.target.is_text

    def _placeholder(self, rule: Rule, rows: int) -> None:
        rule.parts["placeholder"] = yaml_text.text(f"missing-{{{self.key}}}")
        rule.parts["max_defaulted"] = str(rows + int(rule.parts.get("max_defaulted", 0)))

    def _cast(self, rule: Rule) -> None:
        origin, target = self.origin.type, self.target.type
        if origin == target or (origin, target) in WIDENINGS:
            return
        if origin == NAIVE and target == AWARE:
            rule.parts["zone"] = "UTC"
            rule.doubts.append("which clock wrote it? UTC, or a place as Asia/Manila")
        elif target == "boolean":
            rule.parts["cast"] = "boolean"
            self._uncastable(rule, casts.parse_boolean(self.raw, origin), "yes or no")
        elif self.origin.is_text and target in {"date", AWARE}:
            self._formats(rule, "date", DATE_FORMATS)
        elif self.origin.is_text and target == TIME:
            self._formats(rule, "time", TIME_FORMATS)
        elif self.origin.is_text and target in {"json", "jsonb"}:
            rule.parts |= {"cast": "json", "when_uncastable": "quarantine"}
            rule.parts["reason"] = '"CHECK: it holds no JSON"'
        elif target in {"smallint", "integer", "bigint"}:
            rule.parts["cast"] = "integer"
            self._uncastable(rule, casts.parse_integer(self.raw, target), "a number")
        elif self.target.is_text:
            rule.parts["cast"] = "text"
        else:
            rule.parts["sql"] = json.dumps(f"{{{self.origin.name}}}::{self.target.declared}")
            rule.parts.pop("from", None)
            rule.doubts.append(f"{origin} to {self.target.declared}")

    def _uncastable(self, rule: Rule, read: str, kind: str) -> None:
        """Say what becomes of what cannot be read, and list it."""
        if self.origin.is_text and self.rows(casts.listed(self.raw, NULLS)):
            rule.parts["nulls"] = yaml_text.texts(list(NULLS))
        odd = f"{read} is null and {self.raw} is not null"
        if "nulls" in rule.parts:
            odd += f" and not {casts.listed(self.raw, NULLS)}"
        lost = self.rows(odd)
        if not lost:
            return
        if self.target.nullable:
            rule.parts |= {"when_uncastable": '"null"', "max_nulled": str(lost)}
        else:
            rule.parts |= {"when_uncastable": "quarantine", "reason": f'"CHECK: it is not {kind}"'}
        listed = self.texts(odd)
        rule.doubts.append(f"{lost} are not {kind}; `values:` may say what they mean: {listed}")

    def _formats(self, rule: Rule, cast: str, known: tuple[str, ...]) -> None:
        """Keep the formats that some row is written in, the frequent ones first."""
        parse = casts.parse_date if cast == "date" else casts.parse_time
        counts = {form: self.rows(f"{parse(self.raw, [form])} is not null") for form in known}
        used = sorted((form for form in known if counts[form]), key=lambda form: -counts[form])
        used = used or [known[0]]
        rule.parts |= {"cast": cast, "formats": yaml_text.texts(used)}
        if any("MM/DD" in form for form in used) and any("DD/MM" in form for form in used):
            rule.parts["order"] = "month_first"
            rule.doubts.append("dates read either way are read month first")
        self._uncastable(rule, parse(self.raw, used), f"a {cast}")

    def _absent(self, rule: Rule) -> None:
        """Say what becomes of NULL in a column that must hold something, and of lost parents."""
        absent = f"{self.raw} is null"
        if "nulls" in rule.parts:
            absent += f" or {casts.listed(self.raw, NULLS)}"
        missing = 0 if self.target.nullable else self.rows(absent)
        if self.foreign and self.origin.nullable and not self.target.nullable:
            rule.parts |= {"when_null": "quarantine", "when_orphan": "quarantine"}
            rule.parts.setdefault("reason", '"CHECK: its parent is missing"')
            rule.doubts.append(f"{yaml_text.counted(missing, 'row')} without a parent")
        elif missing and rule.parts.get("when_uncastable") == "quarantine":
            rule.parts["when_null"] = "quarantine"
            rule.doubts.append(f"{yaml_text.counted(missing, 'row')} without a value")
        elif missing and self._stands_in:
            rule.parts["when_null"] = "placeholder"
            self._placeholder(rule, missing)
            rule.doubts.append(f"{yaml_text.counted(missing, 'row')} without a value")
        elif missing:
            rule.parts |= {"when_null": "sentinel", "max_defaulted": str(missing)}
            rule.parts["sentinel"] = FILLINGS.get(self.target.type, '""')
            rule.doubts.append(f"{yaml_text.counted(missing, 'row')} without a value")

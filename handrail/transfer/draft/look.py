"""One look at the rows of one source column, for what its rule must deal with."""

import re
from dataclasses import dataclass

from handrail.transfer.draft import yaml_text
from handrail.transfer.draft.casting import NULLS, Casting
from handrail.transfer.draft.rule import FILLINGS, Rule
from handrail.transfer.session.connection import value
from handrail.transfer.session.quoting import literal
from handrail.transfer.sql import casts
from handrail.transfer.sql.named import reference
from handrail.transfer.sql.secret import sounds_secret

LINKS = re.compile("url|path|pic|image|file|avatar|photo")


@dataclass
class Look(Casting):
    """A look at one source column.

    Args:
        foreign: The destination column refers to another table.
        unique: The destination wants its values to differ.
        guarded: The source wants that, too.
        key: The one column of the source table's key, if it has just one.
        django: The destination table is one of Django's accounts.
        joined: What finds the value by the column, which names a row of another table otherwise
            than the destination does, and what is doubtful about that.
    """

    foreign: bool = False
    unique: bool = False
    guarded: bool = False
    key: str | None = None
    django: bool = False
    joined: tuple[str, str] | None = None

    def rule(self, doubt: str | None) -> Rule:
        """Draft the rule; `doubt` says why the pair of columns is a guess."""
        rule = Rule(self.target.name, doubts=[doubt] if doubt else [])
        if self.origin.name != self.target.name:
            rule.parts["from"] = yaml_text.text(self.origin.name)
        self._kind(rule)
        if self.unique and not self.guarded:
            self._unique(rule)
        self._absent(rule)
        return rule

    def _kind(self, rule: Rule) -> None:
        if self.joined is not None:
            self._sql(rule, *self.joined)
        elif self.origin.is_text and self.target.is_text:
            self._text(rule)
        else:
            self.cast(rule)

    def _text(self, rule: Rule) -> None:
        """Know what a text is by the name of its column, and whether it fits."""
        if sounds_secret(self.target.name):
            self._secret(rule)
        elif LINKS.search(self.target.name.lower()):
            rule.parts["link"] = "true"
        if self.target.length:
            self._length(rule)

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
            self._bound(rule, odd)
            rule.doubts.append(f"{odd} of the texts are not bcrypt hashes")

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
        groups = f"select count(*) as n from {self.table} s where {self._repeatable(rule)} "
        query = f"select coalesce(sum(n - 1), 0)::bigint from ({groups} group by {self.raw}) g"
        again = value(self.session, query)
        if not again:
            return
        rows = yaml_text.counted(again, "row")
        rule.doubts.append(f"{rows} with what another holds; it has to be unique")
        if self.key is not None:
            rule.parts["when_duplicate"] = "quarantine"
            rule.parts.setdefault("reason", '"CHECK: another row holds it already"')

    def _repeatable(self, rule: Rule) -> str:
        """Return the condition of the values that may be there twice; blanks get a stand-in."""
        if self._stands_in and (blanks := self.rows(f"{casts.trimmed(self.raw)} = ''")):
            rule.parts["when_blank"] = "placeholder"
            self._placeholder(rule, blanks)
            rule.doubts.append(f"{yaml_text.counted(blanks, 'row')} with a blank")
            return f"{casts.trimmed(self.raw)} <> ''"
        return f"{self.raw} is not null"

    @property
    def _stands_in(self) -> bool:
        """Say whether a text made from the key can stand in, where no text may repeat."""
        return self.unique and self.key is not None and self.origin.is_text and self.target.is_text

    def _placeholder(self, rule: Rule, rows: int) -> None:
        rule.parts["placeholder"] = yaml_text.text(f"missing-{reference(self.key or '')}")
        self._bound(rule, rows)

    def _bound(self, rule: Rule, rows: int) -> None:
        """Let a stand-in be in so many rows more."""
        rule.parts["max_defaulted"] = str(rows + int(rule.parts.get("max_defaulted", 0)))

    def _absent(self, rule: Rule) -> None:
        """Say what becomes of NULL in a column that must hold something, and of lost parents."""
        if self.target.nullable:
            return
        missing = self._without_value(rule)
        if self.foreign and self.origin.nullable:
            rule.parts |= {"when_null": "quarantine", "when_orphan": "quarantine"}
            rule.parts.setdefault("reason", '"CHECK: its parent is missing"')
            rule.doubts.append(f"{yaml_text.counted(missing, 'row')} without a parent")
        elif missing:
            self._missing(rule, missing)

    def _without_value(self, rule: Rule) -> int:
        """Count the rows that hold none, or what the rule takes for none."""
        absent = f"{self.raw} is null"
        if "nulls" in rule.parts:
            absent += f" or {casts.listed(self.raw, NULLS)}"
        return self.rows(absent)

    def _missing(self, rule: Rule, missing: int) -> None:
        """Say what stands in for values that are missing."""
        if rule.parts.get("when_uncastable") == "quarantine":
            rule.parts["when_null"] = "quarantine"
        elif self._stands_in:
            rule.parts["when_null"] = "placeholder"
            self._placeholder(rule, missing)
        else:
            rule.parts["when_null"] = "sentinel"
            self._bound(rule, missing)
            rule.parts["sentinel"] = FILLINGS.get(self.target.type, '""')
        rule.doubts.append(f"{yaml_text.counted(missing, 'row')} without a value")

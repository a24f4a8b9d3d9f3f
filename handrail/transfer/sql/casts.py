"""SQL expressions that read legacy texts as values, and give NULL where a text cannot be read.

None of them raises on any input, so a bad row is a count in the preflight, never a broken COPY.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handrail.transfer.session.connection import PROBES_ITSELF
from handrail.transfer.session.quoting import constant, literal
from handrail.transfer.sql.types import MOMENTS, TIME

# Spaces a browser or Node writes without being seen: no-break, narrow no-break, thin.
SPACES = r"U&'\00A0\202F\2009\0009\000A\000D'"
MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    "sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
TOKENS = re.compile(r"YYYY|Month|Mon|MM|DD|HH24|HH12|MI|SS|AM|\*|.", re.DOTALL)
NUMBERS = {
    "YYYY": r"([12]\d{3})",
    "MM": r"(1[0-2]|0?[1-9])",
    "DD": r"(3[01]|[12]\d|0?[1-9])",
    "HH24": r"(2[0-3]|[01]?\d)",
    "HH12": r"(1[0-2]|0?[1-9])",
    "MI": r"([0-5]\d)",
    "SS": r"([0-5]\d)",
}
# Two numbers side by side, as in 0805H, are told apart by both having two digits.
FIXED = {
    "MM": r"(1[0-2]|0[1-9])",
    "DD": r"(3[01]|[12]\d|0[1-9])",
    "HH24": r"(2[0-3]|[01]\d)",
    "HH12": r"(1[0-2]|0[1-9])",
}
PARTS = NUMBERS | {
    "Month": f"({MONTHS})",
    "Mon": f"({MONTHS})",
    "AM": r"([ap])\.?m\.?",
    "*": ".*",
    " ": " +",
}
# Parts whose text is looked at, and what it says.
GROUPS = {**{part: part for part in NUMBERS}, "Month": "Month", "Mon": "Month", "AM": "AM"}
# Digits that fit whatever they are, and the highest number, by type.
ALWAYS_FITTING = {
    "smallint": (4, 2**15 - 1), "integer": (9, 2**31 - 1), "bigint": (18, 2**63 - 1),
}  # fmt: skip
LONGEST = 40  # digits; a text of more is no number that anybody meant
# What most rows hold, and PostgreSQL reads itself; days up to 28 are in every month.
COMMON = {
    "YYYY-MM-DD": ("^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])$", "date"),
    "HH24:MI": ("^(?:[01][0-9]|2[0-3]):[0-5][0-9]$", "time"),
}
# The form every bcrypt library accepts: prefix, cost 04 to 31, 22 characters of salt, 31 of hash.
BCRYPT = r"^\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]+$"
BCRYPT_LENGTH = 60
# What Python has no value for, by type.
NO_MOMENT = "not isfinite({v}) or {v} < '0001-01-01' or {v} >= '10000-01-01'"
NO_RANGE = " or ".join(NO_MOMENT.replace("{v}", f"{end}({{v}})") for end in ("lower", "upper"))
NO_TIME = "extract(hour from {v}) = 24"
UNREADABLE = {
    **dict.fromkeys(MOMENTS, NO_MOMENT),
    **dict.fromkeys((TIME, "time with time zone"), NO_TIME),
    **dict.fromkeys(("daterange", "tsrange", "tstzrange"), NO_RANGE),
    "interval": "abs(extract(epoch from {v})) / 86400 > 999999999",
}
TAIL = 8  # hexadecimal digits: of 10,000 texts that begin alike, two end alike once in 90 times


@dataclass(frozen=True)
class Pattern:
    """One format: its regular expression, and which group holds which token."""

    regex: str
    groups: dict[str, int]


def folded(text: str) -> str:
    """Return an expression for a text without surrounding or unusual blanks, in lower case."""
    return f"lower(btrim(translate({text}, {SPACES}, '      ')))"


def trimmed(text: str) -> str:
    """Return an expression for a text without surrounding blanks of any kind."""
    blanks = r"U&' \00A0\202F\2009\0009\000A\000D'"
    return f"btrim({text}, {blanks})"


def written(value: str, template: str | None) -> str:
    """Return an expression: a text between the two parts of `bcrypt${value}`."""
    if template is None:
        return value
    before, _, after = template.partition("{value}")
    return f"({literal(before)} || {value} || {literal(after)})"


def shortened(value: str, length: int) -> str:
    """Return an expression: the beginning of a text, and a tail that is made from all of it."""
    tail = min(TAIL, length)
    end = f"left(md5({value}), {tail})"
    if length <= TAIL + 1:
        return end
    return f"left({value}, {length - tail - 1}) || '~' || {end}"


def pattern(form: str) -> Pattern:
    """Compile a format such as `DD Mon YYYY` or `HH12:MI AM`; `*` stands for anything after it."""
    found = TOKENS.findall(form)
    groups: dict[str, int] = {}
    for part in filter(GROUPS.get, found):
        groups[GROUPS[part]] = len(groups) + 1
    parts = map(_matching, ["", *found], found, [*found[1:], ""])
    return Pattern("^" + "".join(parts) + "$", groups)


def _matching(before: str, part: str, after: str) -> str:
    """Return the regular expression of one part of a format, by what stands beside it."""
    if part in FIXED and not NUMBERS.keys().isdisjoint((before, after)):
        return FIXED[part]
    if (part, after) == (" ", "AM"):
        return " *"
    return PARTS.get(part) or re.escape(part.lower())


def well_formed(form: str, cast: str) -> bool:
    """Say whether a format names all parts of a date, or of a time."""
    groups = set(pattern(form).groups)
    if cast == "date":
        return groups in ({"YYYY", "MM", "DD"}, {"YYYY", "Month", "DD"})
    return {"MI"} < groups <= {"HH24", "MI", "SS"} or {"HH12", "MI", "AM"} <= groups


def ordered(formats: Sequence[str], order: str | None) -> tuple[str, ...]:
    """Put the formats whose number order was declared first, before the opposite ones."""

    def is_opposite(form: str) -> bool:
        groups = pattern(form).groups
        if order is None or "MM" not in groups or groups.get("YYYY") == 1:
            return False
        return (groups["MM"] < groups["DD"]) != (order == "month_first")

    return tuple(sorted(formats, key=is_opposite))


def parse_date(text: str, formats: Sequence[str]) -> str:
    """Return an expression of type date: the first format that fits a real day, else NULL."""
    return _first_fit(text, formats, _date_of)


def parse_time(text: str, formats: Sequence[str]) -> str:
    """Return an expression of type time without time zone, else NULL."""
    return _first_fit(text, formats, _time_of)


def _first_fit(text: str, formats: Sequence[str], make: Callable[[Pattern], str]) -> str:
    forms = [pattern(form) for form in formats]
    tries = ", ".join(
        f"(select {make(form)} "
        f"from (select regexp_match(t.n, {literal(form.regex)}) as a offset 0) m)"
        for form in forms
    )
    # `offset 0` keeps the planner from writing the expression out once for each use
    attempt = f"(select coalesce({tries}) from (select {folded(text)} as n offset 0) t)"
    quick = " ".join(
        f"when {text} ~ {literal(regex)} then {text}::{kind}"
        for form, (regex, kind) in COMMON.items()
        if form in formats
    )
    return f"case when {text} is null then null {quick} else {attempt} end"


def _date_of(form: Pattern) -> str:
    year, day = (f"a[{form.groups[name]}]::int" for name in ("YYYY", "DD"))
    if "MM" in form.groups:
        month = f"a[{form.groups['MM']}]::int"
    else:
        names = "'janfebmaraprmayjunjulaugsepoctnovdec'"
        month = f"(position(left(a[{form.groups['Month']}], 3) in {names}) + 2) / 3"
    leap = (
        f"case when {year} % 4 = 0 and ({year} % 100 <> 0 or {year} % 400 = 0) then 29 else 28 end"
    )
    days = f"case when {month} = 2 then {leap} when {month} in (4, 6, 9, 11) then 30 else 31 end"
    return f"case when {day} <= {days} then make_date({year}, {month}, {day}) end"


def _time_of(form: Pattern) -> str:
    minute = f"a[{form.groups['MI']}]::int"
    second = f"a[{form.groups['SS']}]::int" if "SS" in form.groups else "0"
    if "HH24" in form.groups:
        hour = f"a[{form.groups['HH24']}]::int"
    else:
        noon = f"case a[{form.groups['AM']}] when 'p' then 12 else 0 end"
        hour = f"a[{form.groups['HH12']}]::int % 12 + {noon}"
    return f"case when a is not null then make_time({hour}, {minute}, {second}) end"


def parse_boolean(value: str, source_type: str) -> str:
    """Return an expression of type boolean: 1 and 0, or the usual words; else NULL."""
    if source_type in {"smallint", "integer", "bigint", "numeric"}:
        return f"case {value} when 1 then true when 0 then false end"
    yes = "'t', 'true', '1', 'y', 'yes', 'on'"
    no = "'f', 'false', '0', 'n', 'no', 'off'"
    text = folded(f"{value}::text")
    return f"case when {text} in ({yes}) then true when {text} in ({no}) then false end"


def parse_integer(value: str, target: str, source_type: str = "text") -> str:
    """Return an expression of an integer type from a text of digits, else NULL."""
    always, most = ALWAYS_FITTING[target]
    # a numeric shows its scale, as 5.00, though it is whole
    text = folded(f"{f'trim_scale({value})' if source_type == 'numeric' else value}::text")
    quick = f"when {text} ~ '^[+-]?[0-9]{{1,{always}}}$' then {text}::{target}"
    whole = f"{text} ~ '^[+-]?[0-9]{{1,{LONGEST}}}$'"
    number = f"{text}::numeric"
    fits = f"case when {number} between {-most - 1} and {most} then {number}::{target} end"
    return f"case {quick} when {whole} then {fits} end"


def parse_json(value: str, target: str, shape: str | None, server_version: int) -> str:
    """Return an expression of type json or jsonb from a text that holds JSON, else NULL."""
    if server_version >= PROBES_ITSELF:
        valid = f"pg_input_is_valid({value}, 'jsonb')"
    else:
        valid = f"pg_temp.transfer_is_json({value})"
    made = f"case when {valid} then {value}::{target} end"
    if shape is None:
        return made
    fits = f"case when jsonb_typeof({value}::jsonb) = '{shape}' then {value}::{target} end"
    return f"case when {valid} then {fits} end"


def pick(value: str, values: Sequence[tuple[str, object]], target: str, otherwise: str) -> str:
    """Return an expression that translates listed texts, compared without case and blanks."""
    branches = " ".join(
        f"when {literal(key.strip().lower())} then {constant(given, target)}"
        for key, given in values
    )
    return f"case {folded(f'{value}::text')} {branches} else {otherwise} end"


def listed(value: str, nulls: Sequence[str]) -> str:
    """Return a condition: this text is one of those that mean "no value"."""
    texts = ", ".join(literal(text.strip().lower()) for text in nulls)
    return f"{folded(f'{value}::text')} in ({texts})"


def repeats_keys(value: str, server_version: int) -> str:
    """Return a condition: a JSON object says a key twice, of which jsonb keeps the last only.

    Before PostgreSQL 16, the outermost object alone is looked at.
    """
    if server_version >= PROBES_ITSELF:
        return f"not ({value} is json with unique keys)"
    keys = f"(select count(*) <> count(distinct k) from json_object_keys({value}) k)"
    return f"case when json_typeof({value}) = 'object' then {keys} end"


def is_unreadable(value: str, kind: str) -> str | None:
    """Return a condition: Python has no such value, so that Django could not read its row.

    Source: https://docs.python.org/3/library/datetime.html#constants: years 1 to 9999, no infinity,
    no hour 24, no interval above 999,999,999 days.
    """
    if kind.endswith("[]"):
        of_one = is_unreadable("u.v", kind.removesuffix("[]"))
        return of_one and f"exists (select from unnest({value}) u(v) where {of_one})"
    condition = UNREADABLE.get(kind)
    return condition and condition.format(v=value)


def is_malformed(value: str, name: str) -> str:
    """Return a condition: the text is there and does not have the form of the named pattern."""
    # counting to 53 in the regular expression itself takes PostgreSQL six times as long
    form, length = {"bcrypt": (BCRYPT, BCRYPT_LENGTH)}[name]
    fits = f"{value} ~ {literal(form)} and char_length({value}) = {length}"
    return f"{value} is not null and not ({fits})"

"""The words of a mapping file: what may stand where, and what it means.

The JSON Schema and the reference in `docs/` are made from these descriptions.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from handrail.transfer.mapping import zones
from handrail.transfer.mapping.rules import TIME_OF_RUN, Limit

WHOLE = 100
SHARE = re.compile(r"(?:(\d{1,9}) or )?(\d+(?:\.\d*)?|\.\d+) ?%", re.ASCII)


def said(what: str, fix: str) -> PydanticCustomError:
    """Return a finding about one value, with what to do: braces in it are no templates."""
    return PydanticCustomError("said", "{what}", {"what": what, "fix": fix})


def _text(value: str) -> str:
    if not value.strip():
        raise said("is blank", "write a text there")
    return value


def _zone(value: str) -> str:
    if (advice := zones.advice(value)) is not None:
        raise said(f"is `{value}`, which is not a time zone", advice)
    return value


def _limit(value: object) -> Limit:
    if type(value) is int and value >= 0:  # a bool is none
        return Limit(value)
    found = SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found and float(found[2]) <= WHOLE:
        return Limit(int(found[1] or 0), float(found[2]))
    fix = 'write a number of rows, a share as "15%", or "3 or 15%" for whichever is more'
    raise said(f"is `{value}`", fix)


def _null(value: object) -> object:
    return "null" if value is None else value


def _reason(value: object) -> object:
    return {"reason": value or ""} if isinstance(value, str | None) else value


Text = Annotated[str, AfterValidator(_text)]
Texts = list[str]
Names = list[Text]
Bound = Annotated[
    Limit,
    PlainValidator(_limit),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "%$"}]}
    ),
]
Zone = Annotated[Text, AfterValidator(_zone)]
OrNull = BeforeValidator(_null)  # YAML reads an unquoted `null` as nothing


class Words(BaseModel):
    """What all parts of a mapping have in common: no unknown words, and no guessing at types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class LookupWords(Words):
    """A value taken from another table of the mapping, whose key this row names."""

    table: Text = Field(description="Destination table that holds the value; its key is copied.")
    column: Text = Field(description="Column of that table, as the mapping fills it.")
    through: Text = Field(description="Source column of this table that holds the other's key.")


class DropWords(Words):
    """A source column or table that is left behind on purpose."""

    reason: str = Field(
        description="Why nothing is lost that is needed; stands in the report. A text alone is one."
    )
    optional: bool = Field(default=False, description="It may be absent from the source.")


class RowWords(Words):
    """Rows that are kept out by a condition."""

    when: Text = Field(description="SQL condition over the source row; columns as `{column}`.")
    reason: Text = Field(description="Why these rows are not moved; recorded with each.")


Drop = Annotated[DropWords, BeforeValidator(_reason)]  # a text alone is its reason


class ColumnWords(Words):
    """How one destination column gets its value; an empty rule copies the column of its name."""

    source: Text | None = Field(
        default=None, alias="from", description="Source column; by default the one of this name."
    )
    sql: Text | None = Field(
        default=None,
        description="SQL expression over the source row, with columns as `{column}`, or in quotes "
        'where the name holds a brace (`{"a {b}"}`), and other '
        "tables with their schema. It must give the same value each time: not `now()`.",
    )
    constant: Any = Field(
        default=None,
        description=f'The same value in each row. `"{TIME_OF_RUN}"` is the moment at which the '
        "load began, and stays that moment when it is resumed.",
    )
    lookup: LookupWords | None = Field(
        default=None, description="A column of another table, found through a column of this row."
    )
    generated: bool = Field(
        default=False,
        description="Leave the column to the destination: its identity or its default fills it. "
        "Verification does not compare it.",
    )
    optional: bool = Field(
        default=False,
        description="The source column may be absent, as one that is created on first use; the "
        "column then takes its `default`, or is left to the destination.",
    )
    cast: Literal["boolean", "date", "time", "json", "integer", "text"] | None = Field(
        default=None, description="Read the value as that type; what cannot be read is a fault."
    )
    formats: Texts = Field(
        default=[],
        description="Of `cast: date` and `cast: time`: the first that fits is taken. Parts are "
        "YYYY, MM, Month, Mon, DD, HH24, HH12, MI, SS, AM; `*` is anything at the end.",
    )
    order: Literal["month_first", "day_first"] | None = Field(
        default=None, description="How 05/04/2025 is read where `formats` allow both."
    )
    zone: Zone | None = Field(
        default=None,
        description="The zone that the clock of a timestamp without zone showed, by its IANA name, "
        "as `Asia/Manila`, or `UTC`.",
    )
    nulls: Texts = Field(
        default=[], description='Texts that mean "no value", compared without case and blanks.'
    )
    values: dict[str, Any] = Field(
        default={},
        description="What listed texts become, compared without case and blanks; others are read "
        "by `cast`, and are faults where there is none.",
    )
    write: Text | None = Field(
        default=None,
        description="How a text is written, with the text that was read as `{value}`: "
        '`write: "bcrypt${value}"` puts `bcrypt$` before a hash. `pattern` is asked before.',
    )
    pattern: Literal["bcrypt"] | None = Field(
        default=None, description="The form that the text must have; else it is malformed."
    )
    shape: Literal["object", "array"] | None = Field(
        default=None, description="What JSON must be at its top; else it cannot be read."
    )
    default: Any = Field(
        default=None, description="What NULL becomes; it is what NULL means, and not recorded."
    )
    sentinel: Any = Field(
        default=None, description="The value of the action `sentinel`; recorded row by row."
    )
    placeholder: Text | None = Field(
        default=None,
        description="The text of the action `placeholder`, with source columns as `{column}`; "
        "recorded row by row.",
    )
    same: Literal["exact", "folded"] = Field(
        default="exact",
        description="What makes two values duplicates; `folded` ignores case and blanks around.",
    )
    secret: bool = Field(
        default=False,
        description="Show neither the value nor the source columns it is made of, anywhere.",
    )
    link: bool = Field(
        default=False, description="The value is the address of a file, which is asked for."
    )
    rewritten: Text | None = Field(
        default=None,
        description="Why the new application writes the column anew by itself, as a hash at the "
        "first sign-in. What it changed after the load is told, and is no difference.",
    )
    when_null: Annotated[
        Literal["quarantine", "placeholder", "sentinel", "refuse"] | None, OrNull
    ] = Field(default=None, description="It is NULL, or one of `nulls`.")
    when_blank: Annotated[Literal["quarantine", "placeholder", "null", "refuse"] | None, OrNull] = (
        Field(default=None, description="It is a text of blanks, or empty.")
    )
    when_uncastable: Annotated[
        Literal["quarantine", "null", "sentinel", "refuse"] | None, OrNull
    ] = Field(default=None, description="It cannot be read as its type, or is not in `values`.")
    when_malformed: Annotated[
        Literal["quarantine", "placeholder", "keep", "refuse"] | None, OrNull
    ] = Field(default=None, description="It does not have the form of `pattern`.")
    when_too_long: Annotated[
        Literal["quarantine", "truncate", "shorten", "placeholder", "null", "refuse"] | None,
        OrNull,
    ] = Field(default=None, description="It has more characters than the column takes.")
    when_duplicate: Annotated[Literal["quarantine", "placeholder", "refuse"] | None, OrNull] = (
        Field(default=None, description="A row before it holds the same; see `same`.")
    )
    when_orphan: Annotated[Literal["quarantine", "null", "refuse"] | None, OrNull] = Field(
        default=None, description="It refers to a row that is not moved, or was never there."
    )
    when_untrimmed: Annotated[Literal["trim"] | None, OrNull] = Field(
        default=None, description="There are blanks around it."
    )
    when_unreadable: Annotated[
        Literal["quarantine", "null", "sentinel", "refuse"] | None, OrNull
    ] = Field(default=None, description="It is a moment that Python cannot hold, as `infinity`.")
    when_lossy: Annotated[Literal["quarantine", "round", "refuse"] | None, OrNull] = Field(
        default=None, description="The type of the column, or a cast, takes digits away."
    )
    reason: Text | None = Field(
        default=None,
        description="Why; needed for `quarantine` and `keep`, and recorded with each row.",
    )
    max_nulled: Bound = Field(
        default=Limit(),
        description='Rows, a share as "15%", or "3 or 15%" for whichever is more, whose value the '
        "action `null` may take away.",
    )
    max_defaulted: Bound = Field(
        default=Limit(),
        description="As many, or as large a share, for which a `sentinel` or a `placeholder` may "
        "stand in.",
    )


class TableWords(Words):
    """How one destination table is filled: every column of both sides is accounted for."""

    source: Text | None = Field(
        default=None, alias="from", description="Source table; by default the one of this name."
    )
    also: Text | None = Field(
        default=None,
        description="A source table that another rule accounts for; this is a second destination.",
    )
    optional: bool = Field(
        default=False, description="The source table may be absent; then nothing is moved."
    )
    copy_: Names = Field(default=[], alias="copy", description="Columns taken as they are.")
    truncate: Names = Field(
        default=[],
        description="Columns taken as they are, cut to the destination's length; recorded.",
    )
    columns: dict[str, ColumnWords] = Field(
        default={}, description="A rule for each other destination column that has a source."
    )
    drop: dict[str, Drop] = Field(
        default={}, description="Source columns left behind, each with its reason."
    )
    quarantine: list[RowWords] = Field(
        default=[], description="Rows that are not moved but kept, with reason, in `_migration`."
    )
    max_quarantined: Bound = Field(
        default=Limit(),
        description='Rows, a share as "15%", or "3 or 15%" for whichever is more, that may be kept '
        "out.",
    )
    replace: Text | None = Field(
        default=None, description="Why rows that are there already give way; they are set aside."
    )


class FileWords(Words):
    """A mapping of two databases: every source table is mapped or dropped."""

    tables: dict[str, TableWords] = Field(
        default={}, description="A rule for each destination table that is filled."
    )
    drop_tables: dict[str, Drop] = Field(
        default={}, description="Source tables left behind, each with its reason."
    )

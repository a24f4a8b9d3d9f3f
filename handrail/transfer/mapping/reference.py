"""The JSON Schema of a mapping, and the page that tells every word of it; both from `words`."""

import json
from typing import Any

from handrail.naming import ticked
from handrail.transfer.mapping.rules import MOST_RECORDED, Action
from handrail.transfer.mapping.words import FileWords

PARTS = (
    ("FileWords", "The file"),
    ("TableWords", "A table"),
    ("ColumnWords", "A column"),
    ("LookupWords", "A lookup"),
    ("DropWords", "A drop"),
    ("RowWords", "A row rule"),
)
KINDS = {
    "string": "text", "boolean": "true or false", "integer": "number", "object": "names with rules",
}  # fmt: skip
ACTS = {
    Action.REFUSE: "Nothing is moved before it is mended or declared; the default of every fault.",
    Action.QUARANTINE: "The row is kept out, with its reason; `max_quarantined` says how many may.",
    Action.NULL: "The column is left empty; `max_nulled` says how often.",
    Action.SENTINEL: "The value of `sentinel` stands in; `max_defaulted` says how often.",
    Action.PLACEHOLDER: "The text of `placeholder` stands in; `max_defaulted` says how often.",
    Action.TRUNCATE: "The text is cut to the column's length.",
    Action.SHORTEN: "The text is cut, and ends in eight characters made from the whole of it, so "
    "that two texts that begin alike stay apart.",
    Action.KEEP: "The value is moved as it is, and listed with its reason.",
    Action.TRIM: "The blanks around it are taken off.",
    Action.ROUND: "The value is moved as the column or the cast rounds it.",
}
EXAMPLE = """\
tables:
  accounts:
    from: Users
    copy: [id, "no"]
    truncate: [full_name]
    max_quarantined: "2%"
    columns:
      password: {secret: true, pattern: bcrypt, write: "bcrypt${value}", max_defaulted: 5,
                 when_malformed: placeholder, placeholder: "!unusable"}
      birthday: {cast: date, formats: [YYYY-MM-DD, DD.MM.YYYY], nulls: [""],
                 when_uncastable: "null", max_nulled: 10}
      joined_at: {from: createdAt, zone: Asia/Manila}
      team_id: {when_orphan: quarantine, reason: an account belongs to a team}
      moved_at: {constant: "{time_of_run}"}
    drop:
      nickname: nobody ever saw it
drop_tables:
  sessions: everybody signs in again
"""
PAGE = """\
# The mapping language

This page is made from `handrail/transfer/mapping/words.py` by `handrail mapping words`; `handrail
mapping schema` prints the JSON Schema of it, which is `docs/mapping.schema.json`, for editors:

    # yaml-language-server: $schema=mapping.schema.json

A mapping says of what each table and column of the destination is made. Every source column is read
or dropped by name, every source table mapped or dropped, every column that must hold something
filled; whatever is not declared is refused before anything is written, all of it at once, each with
its line. `handrail mapping draft` writes a first one. It marks with CHECK what a person has to
decide, and a mapping is refused as long as a line of it says so.

```yaml
{example}```

The file is YAML, of which only the plain part is taken: names and texts that YAML reads as
something else (`no`, `0644`, `12:30`, `3.10`, `=`) go in quotes; a rule that stands twice may be
an alias.

{parts}
## What is done about a fault

Each `when_…` names one of these. All but `refuse` are recorded row by row, in
`_migration.quarantine` and `_migration.adjusted` of the destination. So are values that `sql:`
makes others of (action `sql`; of no secret) and those of dropped columns (action `drop`, without
the value where the name sounds like a secret): of each column the first {most} rows; the preflight
counts all.

{acts}
"""


def schema() -> dict[str, Any]:  # Any: JSON
    """Return the JSON Schema of a mapping file."""
    found = FileWords.model_json_schema(by_alias=True)
    drop = found["$defs"]["DropWords"]
    found["$defs"]["DropWords"] = {"anyOf": [{"type": "string", "minLength": 1}, drop]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found


def schema_text() -> str:
    """Return it as the file in `docs/` holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """Return the reference as Markdown."""
    whole = FileWords.model_json_schema(by_alias=True)
    found = {"FileWords": whole} | whole["$defs"]
    parts = "\n".join(_part(title, found[name]) for name, title in PARTS)
    acts = "\n".join(f"- `{action}`: {said}" for action, said in ACTS.items())
    return PAGE.format(example=EXAMPLE, parts=parts, acts=acts, most=f"{MOST_RECORDED:,}")


def _part(title: str, part: dict[str, Any]) -> str:  # Any: JSON
    lines = [f"## {title}", "", part["description"].partition("\n")[0], ""]
    needed = part.get("required", ())
    for name, field in part["properties"].items():
        must = ", needed" if name in needed else ""
        lines.append(f"- `{name}` ({_kind(field)}{must}): {field['description']}")
    return "\n".join([*lines, ""])


def _choices(field: dict[str, Any]) -> list[Any]:  # Any: JSON
    if "const" in field:
        return [field["const"]]
    return list(field.get("enum", ()))


def _kind(field: dict[str, Any]) -> str:  # Any: JSON
    """Say what a word takes."""
    if "anyOf" in field:
        kinds = [each for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join(map(_kind, kinds))
    if choices := _choices(field):
        return ticked(choices, " or ")
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return dict(PARTS)[name].lower()
    if field.get("type") == "array":
        return f"list, each {_kind(field['items'])}"
    return KINDS.get(str(field.get("type")), "any value")

"""One drafted rule, as it will stand in the mapping."""

from dataclasses import dataclass, field

from handrail.transfer.draft import yaml_text
from handrail.transfer.sql.catalog import Column
from handrail.transfer.sql.types import AWARE, NAIVE, TIME

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


def filling(column: Column) -> Rule | None:
    """Draft the rule of a column without a source; None where it may stay as it is."""
    if column.nullable or column.generated:
        return None
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

"""Write a first mapping from two live databases; whatever a person has to decide says CHECK."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.session.connection import Connection, connect, value
from handrail.transfer.session.quoting import qualified, quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL, TIME, WIDENINGS

DATE_FORMATS = (
    "YYYY-MM-DD", "Month DD, YYYY", "MM/DD/YYYY", "DD/MM/YYYY", "DD Mon YYYY", "DD.MM.YYYY",
    "YYYY/MM/DD", "YYYY-MM-DDT*", "YYYY-MM-DD *",
)  # fmt: skip
TIME_FORMATS = ("HH24:MI", "HH24:MI:SS", "HH12:MI AM", "HH12:MI:SS AM", "HH24MIH")
SECRETS = ("password", "secret", "token")
LINKS = ("url", "path", "pic", "image", "file")
# What a NOT NULL column without any source gets, until a person knows better.
FILLINGS = {
    "boolean": "false", "integer": "0", "bigint": "0", "smallint": "0", "double precision": "0",
    "numeric": "0", "jsonb": "{}", "json": "{}", "date": "2000-01-01",
    AWARE: '"2000-01-01 00:00:00+00"',
}  # fmt: skip
ALIKE = 0.55


@dataclass(frozen=True)
class Rule:
    """One drafted rule; `doubt` is what a person has to look at."""

    column: str
    parts: tuple[tuple[str, str], ...]
    doubt: str | None = None

    def line(self) -> str:
        """Return the rule as one line of YAML."""
        body = ", ".join(f"{key}: {text}" for key, text in self.parts)
        return f"      {self.column}: {{{body}}}" + (
            f"  # CHECK: {self.doubt}" if self.doubt else ""
        )


def draft(source: str, destination: str) -> str:
    """Return the text of a mapping file that `open_plan` accepts.

    Every table of the same name on both sides is mapped. Types decide the casts, and the rows the
    formats, the truncations and what is done about NULL; each guess is marked.

    Args:
        source: URL of the legacy database; only read.
        destination: URL of the new database, migrated; only read.
    """
    with connect(destination, name="destination") as session:
        wanted = catalogs.read(session)
        filled = {name for name in wanted.by_name if _has_rows(session, wanted.schema, name)}
    with connect(source, name="source") as session:
        found = catalogs.read(session)
        lines = [
            "# A first mapping, drafted from two live databases. Decide each line that says CHECK,",
            "# then let the preflight read all rows.",
            "tables:",
        ]
        for name, target in wanted.by_name.items():
            if name in found.by_name:
                lines += _table(session, found.schema, found.by_name[name], target)
                if name in filled:
                    lines.append(f'    replace: "CHECK: why the {name} there now give way"')
    lost = sorted(set(found.by_name) - set(wanted.by_name))
    if lost:
        lines += ["drop_tables:"]
        lines += [f'  {name}: "CHECK: there is no such table on the destination"' for name in lost]
    return "\n".join(lines) + "\n"


def _table(session: Connection, schema: str, source: Table, target: Table) -> Iterator[str]:
    yield f"  {target.name}:"
    origins = _origins(source, target)
    copied: list[str] = []
    rules: list[Rule] = []
    foreign = {key.columns[0] for key in target.foreign_keys if len(key.columns) == 1}
    table = qualified(schema, source.name)
    for column in target.columns:
        origin = origins.get(column.name)
        if origin is None:
            if not column.nullable and not column.generated:
                rules.append(_filling(column))
            continue
        look = _Look(session, table, source.by_name[origin], column)
        rule = look.rule(foreign=column.name in foreign)
        if rule.parts or rule.doubt:
            rules.append(rule)
        else:
            copied.append(column.name)
    if any("quarantine" in text for rule in rules for _, text in rule.parts):
        yield '    max_quarantined: "10%"  # CHECK: how many rows may be kept out'
    if copied:
        yield f"    copy: [{', '.join(copied)}]"
    if rules:
        yield "    columns:"
        yield from (rule.line() for rule in rules)
    lost = [name for name in source.by_name if name not in origins.values()]
    if lost:
        yield "    drop:"
        yield from (f'      {name}: "CHECK: there is no such column there"' for name in lost)


def _has_rows(session: Connection, schema: str, name: str) -> bool:
    return bool(value(session, f"select exists (select 1 from {qualified(schema, name)})"))


def _origins(source: Table, target: Table) -> dict[str, str]:
    """Pair destination columns with source columns: by name, by key, by likeness of the name."""
    origins = {name: name for name in target.by_name if name in source.by_name}
    for column in target.columns:
        if column.name in origins or column.nullable:
            continue
        free = [name for name in source.by_name if name not in origins.values()]
        if (column.name,) == target.primary_key and len(source.primary_key) == 1:
            origins[column.name] = source.primary_key[0]
        elif column.type in TEXTUAL and free:
            like = difflib.get_close_matches(column.name, free, n=1, cutoff=ALIKE)
            if like:
                origins[column.name] = like[0]
    return origins


def _filling(column: Column) -> Rule:
    text = FILLINGS.get(column.type, '""')
    return Rule(column.name, (("constant", text),), "it has no source, and must hold something")


class _Look:
    """One look at the rows of one source column, for what its rule must deal with."""

    def __init__(self, session: Connection, table: str, origin: Column, target: Column) -> None:
        self.session = session
        self.table = table
        self.origin = origin
        self.target = target
        self.raw = f"s.{quoted(origin.name)}"

    def rows(self, condition: str) -> int:
        """Count the rows for which a condition holds."""
        return int(value(self.session, f"select count(*) from {self.table} s where {condition}"))

    def rule(self, *, foreign: bool) -> Rule:
        """Draft the rule; one without parts is a plain copy."""
        parts: list[tuple[str, str]] = []
        doubts: list[str] = []
        if self.origin.name != self.target.name:
            parts.append(("from", self.origin.name))
            doubts.append("another name")
        self._cast(parts, doubts)
        length = self.target.length
        textual = self.target.type in TEXTUAL and self.origin.type in TEXTUAL
        if length and textual:
            long = self.rows(f"char_length({self.raw}) > {length}")
            if long:
                parts.append(("when_too_long", "truncate"))
                doubts.append(f"{long} values are longer than {length}")
        if any(word in self.target.name for word in SECRETS) and textual:
            parts.append(("secret", "true"))
        elif any(word in self.target.name for word in LINKS) and textual:
            parts.append(("link", "true"))
        self._absent(parts, doubts, foreign=foreign)
        return Rule(self.target.name, tuple(parts), "; ".join(doubts) or None)

    def _cast(self, parts: list[tuple[str, str]], doubts: list[str]) -> None:
        origin, target = self.origin.type, self.target.type
        if origin == target or (origin, target) in WIDENINGS or {origin, target} <= TEXTUAL:
            return
        if origin == NAIVE and target == AWARE:
            parts.append(("zone", "UTC"))
        elif target == "boolean":
            parts.append(("cast", "boolean"))
        elif origin in TEXTUAL and target in {"date", AWARE}:
            self._formats("date", DATE_FORMATS, parts, doubts)
        elif origin in TEXTUAL and target == TIME:
            self._formats("time", TIME_FORMATS, parts, doubts)
        elif origin in TEXTUAL and target in {"json", "jsonb"}:
            parts += [("cast", "json"), ("when_uncastable", "quarantine")]
            parts.append(("reason", '"CHECK: it holds no JSON"'))
            doubts.append("texts that hold no JSON are kept out")
        elif target in {"smallint", "integer", "bigint"}:
            parts += [("cast", "integer"), ("when_uncastable", '"null"')]
            lost = self.rows(
                f"{casts.parse_integer(self.raw, target)} is null and {self.raw} is not null"
            )
            doubts.append(f"{lost} values are no numbers; list what they mean in `values:`")
        elif target in TEXTUAL:
            parts.append(("cast", "text"))
        else:
            parts.append(("sql", json.dumps(f"{{{self.origin.name}}}::{target}")))
            doubts.append(f"{origin} to {target}")

    def _formats(
        self, cast: str, known: tuple[str, ...], parts: list[tuple[str, str]], doubts: list[str]
    ) -> None:
        """Keep the formats that some row is written in, the frequent ones first."""
        parse = casts.parse_date if cast == "date" else casts.parse_time
        counts = {form: self.rows(f"{parse(self.raw, [form])} is not null") for form in known}
        used = sorted((form for form in known if counts[form]), key=lambda form: -counts[form])
        used = used or [known[0]]
        parts += [("cast", cast), ("formats", json.dumps(used))]
        if any("MM/DD" in form for form in used) and any("DD/MM" in form for form in used):
            parts.append(("order", "month_first"))
            doubts.append("dates read either way are read month first")
        parts.append(("nulls", '["", "-"]'))
        lost = self.rows(f"{parse(self.raw, used)} is null and btrim({self.raw}) not in ('', '-')")
        if lost:
            act = '"null"' if self.target.nullable else "quarantine"
            parts.append(("when_uncastable", act))
            if act == "quarantine":
                parts.append(("reason", f'"CHECK: it is no {cast}"'))
            doubts.append(f"{lost} texts are no {cast}")

    def _absent(self, parts: list[tuple[str, str]], doubts: list[str], *, foreign: bool) -> None:
        """Say what becomes of NULL in a column that must hold something, and of lost parents."""
        given = dict(parts)
        must = not self.target.nullable and self.origin.nullable
        if foreign and self.origin.nullable and must:
            parts += [("when_null", "quarantine"), ("when_orphan", "quarantine")]
            if "reason" not in given:
                parts.append(("reason", '"CHECK: its parent is missing"'))
            doubts.append(f"{self.rows(f'{self.raw} is null')} rows name no parent")
        elif must and "when_uncastable" in given and given["when_uncastable"] == "quarantine":
            parts.append(("when_null", "quarantine"))
        elif must:
            filling = FILLINGS.get(self.target.type, '""')
            parts += [("when_null", "sentinel"), ("sentinel", filling)]
            missing = self.rows(f"{self.raw} is null")
            if missing:
                doubts.append(f"{missing} rows hold none")

"""Read a mapping file, and report everything wrong with it at once, each with its line."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from handrail.clients.errors import ClientError
from handrail.transfer.mapping.nodes import NodeReader
from handrail.transfer.mapping.rules import (
    Action,
    ColumnRule,
    Drop,
    Fault,
    Limit,
    Lookup,
    Mapping,
    Place,
    Problem,
    RowRule,
    TableRule,
)

TABLE_KEYS = {
    "from",
    "also",
    "copy",
    "truncate",
    "columns",
    "drop",
    "quarantine",
    "max_quarantined",
    "replace",
}
COLUMN_KEYS = {
    "from", "cast", "formats", "order", "zone", "nulls", "values", "constant", "default",
    "sentinel",
    "placeholder", "sql", "lookup", "pattern", "shape", "secret", "link", "same", "reason",
}  # fmt: skip
CASTS = ("boolean", "date", "time", "json", "integer", "text")
WHOLE = 100
PATTERNS = ("bcrypt",)
PRODUCERS = ("from", "sql", "constant", "lookup")
ALLOWED = {
    Fault.NULL: (Action.QUARANTINE, Action.PLACEHOLDER, Action.SENTINEL, Action.REFUSE),
    Fault.BLANK: (Action.QUARANTINE, Action.PLACEHOLDER, Action.NULL, Action.REFUSE),
    Fault.UNCASTABLE: (Action.QUARANTINE, Action.NULL, Action.SENTINEL, Action.REFUSE),
    Fault.MALFORMED: (Action.QUARANTINE, Action.PLACEHOLDER, Action.REFUSE),
    Fault.TOO_LONG: (
        Action.QUARANTINE,
        Action.TRUNCATE,
        Action.PLACEHOLDER,
        Action.NULL,
        Action.REFUSE,
    ),
    Fault.DUPLICATE: (Action.QUARANTINE, Action.PLACEHOLDER, Action.REFUSE),
    Fault.ORPHAN: (Action.QUARANTINE, Action.NULL, Action.REFUSE),
    Fault.UNTRIMMED: (Action.TRIM,),
}
WHEN_KEYS = {f"when_{fault}": fault for fault in Fault}


class MappingRefused(ClientError):
    """The mapping cannot be used; `problems` holds every reason, each with its line."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        ordered = sorted(problems, key=lambda problem: (problem.place.file, problem.place.line))
        listing = "\n".join(f"    {problem}" for problem in ordered)
        super().__init__(
            f"the mapping `{file}` was refused, nothing was written",
            f"{len(ordered)} problem{'s' if len(ordered) > 1 else ''}:\n{listing}",
            f"edit `{file}` as each line says, then the same command again",
        )
        self.problems = tuple(ordered)


def load(path: str | Path) -> Mapping:
    """Read a mapping file.

    Args:
        path: YAML file; its form is described in the docs and by `inventory/rotc.yaml`.

    Raises:
        MappingRefused: unknown keys, wrong values or missing reasons, all of them.
        ClientError: the file cannot be read, or is not YAML.
    """
    file = Path(path)
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ClientError(
            f"the mapping `{file}` could not be read",
            error.strerror or "no such file",
            "name an existing mapping file, or let `handrail mapping draft` write one",
        ) from None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = Problem(Place(str(file), line), "this is not YAML", "mend the line")
        raise MappingRefused(str(file), [problem]) from None
    reader = _Reader(str(file), loader)
    mapping = reader.mapping(root, _digest(reader.plain(root) if root is not None else None))
    if reader.problems:
        raise MappingRefused(str(file), reader.problems)
    return mapping


def _digest(content: object) -> str:
    """Hash what the file says: a comment more makes no other mapping."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class _Reader(NodeReader):
    """Walk the nodes of a mapping file."""

    def mapping(self, root: yaml.Node | None, digest: str) -> Mapping:
        tables: list[TableRule] = []
        drops: tuple[Drop, ...] = ()
        if root is None:
            self.problem(None, "the mapping is empty", "declare `tables:`")
        for key, _, node in self.entries(root, "the mapping", {"tables", "drop_tables"}):
            if key == "drop_tables":
                drops = self.drops(node, "drop_tables")
            else:
                for name, at, body in self.entries(node, "tables"):
                    tables.append(self.table(name, at, body))
        return Mapping(self.file, digest, tuple(tables), drops)

    def table(self, name: str, at: yaml.Node, node: yaml.Node) -> TableRule:
        found = {key: value for key, _, value in self.entries(node, f"table `{name}`", TABLE_KEYS)}
        if "from" in found and "also" in found:
            self.problem(found["also"], "`from` and `also` stand together", "keep one of the two")
        source = next(
            (self.text(found[key], key) for key in ("from", "also") if key in found), name
        )
        columns: dict[str, ColumnRule] = {}
        for key, when in (("copy", ()), ("truncate", ((Fault.TOO_LONG, Action.TRUNCATE),))):
            for column in self.texts(found[key], key) if key in found else ():
                if column in columns:
                    self.problem(found[key], f"`{column}` stands twice in `{name}`", "keep one")
                columns[column] = ColumnRule(
                    column, self.place(found[key]), source=column, when=when
                )
        for column, column_at, body in self.entries(found.get("columns"), f"columns of `{name}`"):
            if column in columns:
                self.problem(column_at, f"`{column}` stands twice in `{name}`", "keep one")
            columns[column] = self.column(f"{name}.{column}", column, column_at, body)
        return TableRule(
            name,
            self.place(at),
            source,
            also="also" in found,
            columns=tuple(columns.values()),
            drops=self.drops(found.get("drop"), f"drop of `{name}`"),
            quarantine=tuple(self.row_rules(found.get("quarantine"), name)),
            limit=self.limit(found.get("max_quarantined")),
            replace=self.text(found["replace"], "replace") if "replace" in found else None,
        )

    def column(self, label: str, name: str, at: yaml.Node, node: yaml.Node) -> ColumnRule:
        found = {
            key: value
            for key, _, value in self.entries(
                node, f"column `{label}`", COLUMN_KEYS | set(WHEN_KEYS)
            )
        }
        producers = [key for key in PRODUCERS if key in found]
        if len(producers) > 1:
            self.problem(
                at, f"`{label}` takes its value from {' and '.join(producers)}", "keep one"
            )
        reads: dict[str, Callable[[yaml.Node, str], Any]] = {
            "sql": self.text, "placeholder": self.text, "reason": self.text, "zone": self.text,
            "formats": self.texts, "nulls": self.texts, "secret": self.flag, "link": self.flag,
            "constant": self.given, "default": self.given, "sentinel": self.given,
            "lookup": self.lookup, "values": self.values,
            "cast": self.one_of(*CASTS), "order": self.one_of("month_first", "day_first"),
            "same": self.one_of("exact", "folded"), "pattern": self.one_of(*PATTERNS),
            "shape": self.one_of("object", "array"),
        }  # fmt: skip
        given = {
            key: read(found[key], f"`{key}` of `{label}`")
            for key, read in reads.items()
            if key in found
        }
        when = tuple(
            (fault, self.action(found[key], key, fault))
            for key, fault in WHEN_KEYS.items()
            if key in found
        )
        rule = ColumnRule(
            name,
            self.place(at),
            source=self.text(found["from"], "from")
            if "from" in found
            else None
            if producers
            else name,
            when=when,
            **given,
        )
        self.coherent(label, at, rule)
        return rule

    def coherent(self, label: str, at: yaml.Node, rule: ColumnRule) -> None:
        """Hold the parts of one rule against each other."""
        actions = {action for _, action in rule.when}
        if Action.QUARANTINE in actions and not rule.reason:
            self.problem(at, f"`{label}` keeps rows out without a reason", "add `reason: …`")
        if Action.PLACEHOLDER in actions and rule.placeholder is None:
            self.problem(at, f"`{label}` names no placeholder", 'add `placeholder: "x-{id}"`')
        if Action.SENTINEL in actions and rule.sentinel is None:
            self.problem(at, f"`{label}` names no sentinel", "add `sentinel: <value>`")
        if rule.cast in {"date", "time"} and not rule.formats:
            self.problem(at, f"`{label}` declares no formats", "add `formats: [YYYY-MM-DD, …]`")
        if rule.formats and rule.cast not in {"date", "time"}:
            self.problem(
                at, f"`{label}` has formats and no cast", "add `cast: date` or `cast: time`"
            )
        day_first = any("DD/MM" in text or "DD-MM" in text for text in rule.formats)
        if day_first and any("MM/DD" in text for text in rule.formats) and rule.order is None:
            fix = "add `order: month_first` or `order: day_first`"
            self.problem(at, f"`{label}` reads 05/04/2025 in two ways", fix)
        if rule.action(Fault.MALFORMED) and rule.pattern is None:
            self.problem(
                at, f"`{label}` says when_malformed but no pattern", "add `pattern: bcrypt`"
            )

    def action(self, node: yaml.Node, key: str, fault: Fault) -> Action:
        found = self.plain(node)
        name = "null" if found is None else str(found)
        choices = ALLOWED[fault]
        if name not in choices:
            self.problem(
                node, f"`{key}: {name}` is not possible", f"choose one of {', '.join(choices)}"
            )
            return Action.REFUSE
        return Action(name)

    def values(self, node: yaml.Node, what: str) -> tuple[tuple[str, object], ...]:
        return tuple((key, self.plain(value)) for key, _, value in self.entries(node, what))

    def lookup(self, node: yaml.Node, what: str) -> Lookup:
        keys = {"table", "column", "through"}
        found = {key: self.text(value, key) for key, _, value in self.entries(node, what, keys)}
        for key in sorted(keys - set(found)):
            self.problem(node, f"{what} has no `{key}`", f"add `{key}: …`")
        return Lookup(*(found.get(key, "") for key in ("table", "column", "through")))

    def drops(self, node: yaml.Node | None, what: str) -> tuple[Drop, ...]:
        drops = []
        for name, at, body in self.entries(node, what):
            optional = False
            if isinstance(body, yaml.MappingNode):
                known = {"reason", "optional"}
                found = {
                    key: value for key, _, value in self.entries(body, f"drop `{name}`", known)
                }
                optional = "optional" in found and self.flag(found["optional"], "optional")
                reason = self.text(found["reason"], "reason") if "reason" in found else ""
            else:
                reason = str(self.plain(body) or "").strip()
            if not reason:
                self.problem(at, f"`{name}` is dropped without a reason", f"write `{name}: <why>`")
            drops.append(Drop(name, self.place(at), reason, optional))
        return tuple(drops)

    def row_rules(self, node: yaml.Node | None, table: str) -> Iterator[RowRule]:
        if node is not None and not isinstance(node, yaml.SequenceNode):
            self.problem(node, f"quarantine of `{table}` is not a list", "write `- when: …`")
        for item in node.value if isinstance(node, yaml.SequenceNode) else ():
            keys = {"when", "reason"}
            found = {
                key: self.text(body, key) for key, _, body in self.entries(item, "quarantine", keys)
            }
            for key in sorted(keys - set(found)):
                self.problem(item, f"a quarantine rule has no `{key}`", f"add `{key}: …`")
            yield RowRule(self.place(item), found.get("when", ""), found.get("reason", ""))

    def limit(self, node: yaml.Node | None) -> Limit:
        found = 0 if node is None else self.plain(node)
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return Limit(found)
        if isinstance(found, str) and found.endswith("%"):
            number = found[:-1].strip()
            if number.replace(".", "", 1).isdigit() and float(number) <= WHOLE:
                return Limit(percent=float(number))
        self.problem(
            node, f"max_quarantined is `{found}`", 'write a number of rows, or a share as "15%"'
        )
        return Limit()

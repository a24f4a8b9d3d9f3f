"""Look at every row of the source before anything is written, and say what would go wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from handrail.clients.errors import ClientError
from handrail.transfer.mapping.rules import Action
from handrail.transfer.session.connection import Connection, reading
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.parts import FaultPlan
from handrail.transfer.sql.plan import Plan, TablePlan

SAMPLES = 5
VERDICTS = {
    Action.REFUSE: "refused", Action.QUARANTINE: "quarantined", Action.KEEP: "noted",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Rows of one table with one fault; `keys` are the first few of them.

    `verdict` is `refused`, `quarantined`, `adjusted` or `noted`; only the first stops a load.
    """

    table: str
    column: str
    what: str
    verdict: str
    rows: int
    keys: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class TableCount:
    """Rows of one table: all, those that will be moved, those kept out, and how many may be."""

    table: str
    source: str
    rows: int
    moved: int
    quarantined: int
    allowed: int


@dataclass(frozen=True)
class Preflight:
    """The verdict over all rows of all tables."""

    digest: str
    tables: tuple[TableCount, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Say whether a load may begin; a source without a row never may."""
        refused = any(finding.verdict == "refused" for finding in self.findings)
        over = any(table.quarantined > table.allowed for table in self.tables)
        return not refused and not over and any(table.rows for table in self.tables)

    def reasons(self) -> list[str]:
        """List what keeps a load from beginning, one line each."""
        lines = [
            f"{f.place}: `{f.table}.{f.column}`: {f.what}, {f.rows} rows, as {', '.join(f.keys)}"
            for f in self.findings
            if f.verdict == "refused"
        ]
        lines += [
            f"`{t.table}`: {t.quarantined} of {t.rows} rows would be kept out, {t.allowed} may be"
            for t in self.tables
            if t.quarantined > t.allowed
        ]
        if not any(table.rows for table in self.tables):
            lines.append("the source holds no row at all")
        return lines

    def as_json(self) -> dict[str, object]:
        """Return plain data for a report."""
        return {"good": self.good, "reasons": self.reasons(), **asdict(self)}


class PreflightFailed(ClientError):
    """The rows of the source do not fit the mapping; `preflight` holds all that was found."""

    def __init__(self, preflight: Preflight, file: str) -> None:
        listing = "\n".join(f"    {line}" for line in preflight.reasons())
        super().__init__(
            "the preflight found rows that cannot be moved, nothing was written",
            f"{len(preflight.reasons())} reasons:\n{listing}",
            f"declare a treatment in `{file}`, or mend them on the source, then run it again",
        )
        self.preflight = preflight


def check(plan: Plan, source: str, *, snapshot: str | None = None) -> Preflight:
    """Read every row of every table once and count what the mapping cannot hold.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database; only read.
        snapshot: An exported snapshot to look at; else a new one.
    """
    counts: list[TableCount] = []
    findings: list[Finding] = []
    with reading(source, snapshot=snapshot) as session:
        for table in plan.tables:
            counts.append(_count(session, table, findings))
            findings += _duplicates(session, plan, table)
            findings += _forms(session, table)
    return Preflight(plan.digest, tuple(counts), tuple(findings), plan.notes)


def require(plan: Plan, source: str, *, snapshot: str | None = None) -> Preflight:
    """Check, and refuse unless good.

    Raises:
        PreflightFailed: with every reason.
    """
    found = check(plan, source, snapshot=snapshot)
    if not found.good:
        raise PreflightFailed(found, plan.file)
    return found


def _count(session: Connection, table: TablePlan, findings: list[Finding]) -> TableCount:
    kept = table.kept()
    conditions = [
        fault.condition if fault.action is Action.QUARANTINE else f"{kept} and {fault.condition}"
        for fault in table.faults
    ]
    parts = ["count(*)", f"count(*) filter (where {kept})"]
    parts.append(f"count(*) filter (where ({table.reason}) is not null)" if table.reason else "0")
    parts += [f"count(*) filter (where {condition})" for condition in conditions]
    row = session.execute(f"select {', '.join(parts)} from {table.relation()}").fetchone() or ()
    for fault, condition, rows in zip(table.faults, conditions, row[3:], strict=True):
        if rows:
            findings.append(_finding(session, table, fault, condition, rows))
    allowed = table.limit.of(row[0])
    return TableCount(table.name, table.source, row[0], row[1], row[2], allowed)


def _finding(
    session: Connection, table: TablePlan, fault: FaultPlan, condition: str, rows: int
) -> Finding:
    keys = _keys(session, f"select {table.key_text} from {table.relation()} where {condition}")
    what = fault.reason if fault.action in VERDICTS else f"{fault.reason} ({fault.action})"
    verdict = VERDICTS.get(fault.action, "adjusted")
    return Finding(table.name, fault.column, what, verdict, rows, keys, str(fault.place))


def _keys(session: Connection, query: str) -> tuple[str, ...]:
    return tuple(row[0] for row in session.execute(f"{query} limit {SAMPLES}"))


def _duplicates(session: Connection, plan: Plan, table: TablePlan) -> Iterator[Finding]:
    """Find rows the destination's unique keys would not take, and near-duplicates it would."""
    by_name = {column.name: column for column in table.columns}
    guarded = {tuple(sorted(key)) for key in plan.source.by_name[table.source].uniques}
    for unique in table.uniques:
        if not set(unique) <= set(by_name):
            continue
        columns = [by_name[name] for name in unique]
        plain = all(column.exact and not column.rule.when for column in columns)
        place = str(columns[0].rule.place)
        label = ", ".join(unique)
        if not (plain and tuple(sorted(c.source or "" for c in columns)) in guarded):
            rows, keys = _repeated(session, table, [column.sql for column in columns])
            if rows:
                what = f"({label}) would be there twice, and the destination wants it unique"
                yield Finding(table.name, label, what, "refused", rows, keys, place)
        if any(column.type in {"text", "character varying"} for column in columns):
            folded = [
                casts.folded(c.sql) if c.type in {"text", "character varying"} else c.sql
                for c in columns
            ]
            rows, keys = _repeated(session, table, folded)
            if rows:
                what = f"({label}) differs from another row by case or blanks only"
                yield Finding(table.name, label, what, "noted", rows, keys, place)


def _repeated(
    session: Connection, table: TablePlan, expressions: Sequence[str]
) -> tuple[int, tuple[str, ...]]:
    listing = ", ".join(f"{sql} as c{number}" for number, sql in enumerate(expressions))
    names = ", ".join(f"c{number}" for number in range(len(expressions)))
    present = " and ".join(f"c{number} is not null" for number in range(len(expressions)))
    groups = (
        f"select count(*) as n, max(key) as key from (select {table.key_text} as key, {listing} "
        f"from {table.relation()} where {table.kept()}) m where {present} "
        f"group by {names} having count(*) > 1"
    )
    query = (
        f"select coalesce(sum(n - 1), 0)::bigint, (array_agg(key))[1:{SAMPLES}] from ({groups}) g"
    )
    row = session.execute(query).fetchone() or (0, [])
    return row[0], tuple(row[1] or ())


def _forms(session: Connection, table: TablePlan) -> Iterator[Finding]:
    """Count password hashes by prefix, and dates that read differently day first."""
    for column in table.columns:
        rule = column.rule
        if rule.pattern and rule.source:
            raw = f"s.{quoted(rule.source)}"
            odd = casts.is_malformed(raw, rule.pattern)
            form = f"case when {odd} then 'other' else left({raw}, 4) end"
            rows_there = f"{table.relation()} where {raw} is not null"
            query = f"select {form}, count(*) from {rows_there} group by 1 order by 1"
            for prefix, rows in session.execute(query).fetchall():
                yield Finding(
                    table.name, column.name, f"form `{prefix}`", "noted", rows, (), str(rule.place)
                )
        if rule.cast == "date" and rule.order and rule.source:
            raw = f"s.{quoted(rule.source)}"
            other = "day_first" if rule.order == "month_first" else "month_first"
            there = casts.parse_date(raw, casts.ordered(rule.formats, other))
            condition = f"{column.sql} <> {there}"
            query = f"select count(*) from {table.relation()} where {condition}"
            row = session.execute(query).fetchone()
            if row and row[0]:
                keys = _keys(
                    session, f"select {table.key_text} from {table.relation()} where {condition}"
                )
                words = [order.replace("_", " ") for order in (other, rule.order)]
                what = f"also reads as another date {words[0]}; read {words[1]}"
                yield Finding(table.name, column.name, what, "noted", row[0], keys, str(rule.place))

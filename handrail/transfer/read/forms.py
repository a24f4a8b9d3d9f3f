"""How texts are written: prefixes of password hashes, dates that read in two ways."""

from collections.abc import Iterator

from handrail.transfer.read.findings import SAMPLES, Finding
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import first_of, quoted
from handrail.transfer.sql import casts
from handrail.transfer.sql.plan import TablePlan


def check(session: Connection, table: TablePlan) -> Iterator[Finding]:
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
                rows = f"select {table.key_text} from {table.relation()} where {condition}"
                keys = tuple(key for (key,) in session.execute(first_of(rows, SAMPLES)))
                words = [order.replace("_", " ") for order in (other, rule.order)]
                what = f"also reads as another date {words[0]}; read {words[1]}"
                yield Finding(table.name, column.name, what, "noted", row[0], keys, str(rule.place))

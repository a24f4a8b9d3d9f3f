"""Generated SQL is shown to people, and what a mapping gives secret columns is not."""

import dataclasses

import pytest

from handrail.transfer.sql.compile import open_plan
from handrail.transfer.sql.withhold import WITHHELD, shown_sql

AS_IT_IS = """      password:
        secret: true
        pattern: bcrypt
        when_malformed: placeholder
        placeholder: "!unusable"
        max_defaulted: "3 or 2%"
"""
NAMES = "    truncate: [username, role]\n"
DROPPED = "      gender: the Django app keeps it with"
RULES = {
    "constant": "password: {constant: 'S3cret-of-all', secret: true}",
    "default": "password: {from: password, secret: true, default: 'S3cret-of-all'}",
    "placeholder": "password: {from: password, secret: true, when_blank: placeholder, "
    "placeholder: 'S3cret-of-all-{id}'}",
    "values": "password: {from: password, secret: true, values: {x: 'S3cret-of-all'}, "
    "when_uncastable: quarantine, reason: 'unknown'}",
    "sql": "password: {sql: \"'S3cret-of-all' || {password}\", secret: true}",
    "dollars": "password: {sql: '$x$S3cret-of-all$x$ || {password}', secret: true}",
}


@pytest.mark.parametrize("form", RULES)
def test_a_value_that_the_mapping_gives_a_secret_column_is_not_shown(pair, rewritten, form):
    """However the rule writes it; the rest of the SQL is there, table by table."""
    path, _ = rewritten(AS_IT_IS, f"      {RULES[form]}\n")
    text = path.read_text().replace(NAMES, f"{NAMES}    max_quarantined: '100%'\n")
    if form == "constant":
        text = text.replace(DROPPED, f"      password: not moved\n{DROPPED}")
    path.write_text(text)
    plan = open_plan(path, pair.source, pair.destination)

    shown = shown_sql(plan)

    assert "S3cret-of-all" in plan.sql()
    assert "cret-of-all" not in shown.lower()
    assert WITHHELD in shown
    assert all(f"-- {table.source} -> {table.name}\n" in shown for table in plan.tables)


def test_sql_without_secret_values_is_shown_as_it_runs(pair):
    """Nothing but the placeholder of lost passwords is left out of the project's own mapping."""
    shown = shown_sql(pair.plan)
    assert shown == pair.plan.sql().replace("'!unusable'", WITHHELD)
    assert shown_sql(dataclasses.replace(pair.plan, tables=pair.plan.tables[:1])) == (
        dataclasses.replace(pair.plan, tables=pair.plan.tables[:1]).sql()
    )

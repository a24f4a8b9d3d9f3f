"""The preflight looks at every row, and stops a load before it writes."""

import pytest

from handrail.transfer.load import load
from handrail.transfer.read import preflight
from handrail.transfer.read.preflight import PreflightFailed
from handrail.transfer.sql.compile import open_plan


def found(pair, path=None, verdict="refused"):
    """Return the findings of one verdict by column."""
    plan = open_plan(path or pair.mapping, pair.source, pair.destination)
    report = preflight.check(plan, pair.source, pair.destination)
    return report, {f"{f.table}.{f.column}": f for f in report.findings if f.verdict == verdict}


def test_the_seed_passes_with_everything_counted(loaded):
    """Nothing is refused, and the odd rows are all known."""
    report = preflight.check(loaded.plan, loaded.source, loaded.destination)

    assert report.good, report.reasons()
    assert report.as_json()["good"] is True
    by_column = {(f.column, f.what): f.rows for f in report.findings if f.table == "users"}
    assert {"form `$2a$`", "form `$2b$`", "form `$2y$`", "form `other`"} <= {
        what for _, what in by_column
    }
    assert by_column["password", "form `other`"] == 2
    noted = [f for f in report.findings if f.table == "training_days" and f.verdict == "noted"]
    assert "day first" in noted[0].what


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (
            '        when_uncastable: "null"          # `Irregular`',
            "        # `Irregular`",
            "cadets.year_level",
        ),
        ("{default: Ongoing, when_too_long: truncate}", "{default: Ongoing}", "cadets.status"),
        ("        when_null: placeholder\n", "", "training_staff.email"),
        (
            "        when_duplicate: placeholder      # the first account keeps the address\n",
            "",
            "users.email",
        ),
        (
            '        when_malformed: placeholder\n        placeholder: "!unusable"\n',
            "",
            "users.password",
        ),
        (
            "        when_orphan: quarantine\n        reason: a letter",
            "        reason: a letter",
            "excuse_letters.cadet_id",
        ),
        (
            "        when_uncastable: quarantine\n        reason: without",
            "        reason: without",
            "push_subscriptions.keys",
        ),
        (
            '      payload: {when_null: sentinel, sentinel: {}, max_defaulted: "3 or 15%"}\n',
            "      payload: {}\n",
            "audit_logs.payload",
        ),
    ],
)
def test_rows_without_a_declared_treatment_are_refused(loaded, rewritten, old, new, column):
    """Casts, NULLs, lengths, duplicates, hashes, orphans and JSON: count, keys and line."""
    path, _ = rewritten(old, new)
    report, refused = found(loaded, path)
    assert not report.good
    finding = refused[column]
    assert finding.rows >= 1
    assert finding.keys
    assert finding.place.startswith(f"{path}:")
    assert any(column.split(".")[1] in reason for reason in report.reasons())


def test_nothing_is_written_when_the_preflight_fails(pair, rewritten):
    """The refusal comes before the first write."""
    path, _ = rewritten("{default: Ongoing, when_too_long: truncate}", "{default: Ongoing}")
    plan = open_plan(path, pair.source, pair.destination)

    with pytest.raises(PreflightFailed, match="status"):
        load.load(plan, pair.source, pair.destination)
    assert pair.django("select to_regclass('_migration.run')") == [(None,)]
    assert pair.django("select count(*) from users") == [(0,)]


def test_more_rows_kept_out_than_declared_stop_a_load(loaded, rewritten):
    """The limit is a promise to the operator."""
    path, _ = rewritten(
        '    max_quarantined: "40%"\n    copy: [id]\n    columns:\n      cadet_id',
        "    copy: [id]\n    columns:\n      cadet_id",
    )
    report, _ = found(loaded, path)
    assert not report.good
    assert any("excuse_letters" in reason and "kept out" in reason for reason in report.reasons())


def test_an_empty_source_never_passes(part):
    """No data is no pass."""
    pair = part("cadets", "grades")
    pair.refill()
    report = preflight.check(pair.plan, pair.source, pair.destination)
    assert not report.good
    assert report.reasons() == ["the source holds no row at all"]


def test_an_unvalidated_foreign_key_of_the_source_is_not_trusted(pair):
    """Orphans that a switched-off trigger let in are found and kept out."""
    pair.legacy("alter table notifications drop constraint notifications_user_id_fkey")
    pair.legacy(
        "update notifications set user_id = 1999999999 "
        "where id = (select max(id) from notifications)"
    )
    _, kept = found(pair, verdict="quarantined")
    orphans = [
        f
        for f in preflight.check(pair.plan, pair.source, pair.destination).findings
        if f.table == "notifications" and "not moved" in f.what
    ]
    assert kept
    assert orphans[0].rows == 1

"""A verification names every damage, and passes nothing that it could not look at."""

from http.server import ThreadingHTTPServer

import pytest

from handrail.transfer.session.asking import together
from handrail.transfer.session.connection import connect, reading
from handrail.transfer.verify import compare, links, mapped_back
from handrail.transfer.verify.delta import delta
from handrail.transfer.verify.page import page
from handrail.transfer.verify.verify import NothingLoaded, verify


def check(pair):
    """Verify a pair."""
    return verify(pair.plan, pair.source, pair.destination)


def test_each_damage_is_named_with_key_and_column(filled):
    """A changed text, boolean, moment, a missing row and one too many: each by its key."""
    filled.django("update cadets set address = 'moved' where id = (select min(id) from cadets)")
    filled.django(
        "update training_staff set is_archived = not is_archived "
        "where id = (select max(id) from training_staff)"
    )
    filled.django(
        "update sync_events set created_at = created_at + interval '8 hours' "
        "where id = (select min(id) from sync_events)"
    )
    filled.django("delete from audit_logs where id = (select max(id) from audit_logs)")
    filled.django(
        "insert into training_days (id, date, title, created_at) "
        "values (900000, now(), 'new', now())"
    )

    report = check(filled)

    assert not report.good
    found = {
        (item.table, item.kind, tuple(cell.column for cell in item.cells))
        for item in report.differences
    }
    assert found == {
        ("cadets", "changed", ("address",)),
        ("training_staff", "changed", ("is_archived",)),
        ("sync_events", "changed", ("created_at",)),
        ("audit_logs", "missing", ()),
        ("training_days", "extra", ()),
    }
    cell = next(item.cells[0] for item in report.differences if item.table == "cadets")
    assert cell.destination == "moved"
    assert "900000" in {item.key for item in report.differences}
    assert report.as_json()["good"] is False


def test_the_page_names_what_the_report_names(filled):
    """Each discrepancy stands on the HTML page, and a value that looks like HTML stays text."""
    filled.django(
        "update cadets set address = '<b>moved</b>' where id = (select min(id) from cadets)"
    )
    shown = page(check(filled))
    assert "not explained" in shown
    assert "&lt;b&gt;moved&lt;/b&gt;" in shown
    assert "<b>moved" not in shown
    for table in filled.plan.tables:
        assert f">{table.name}</td>" in shown


def test_a_report_says_that_it_does_not_name_every_row(filled, monkeypatch):
    """Every difference is counted; past some number they are no longer listed."""
    monkeypatch.setattr(compare, "NAMED_KEYS", 3)
    filled.django("update cadets set address = 'moved'")
    report = check(filled)
    assert len([item for item in report.differences if item.table == "cadets"]) == 3
    assert "`cadets`: rows differ, more than are named" in report.reasons()
    assert [table.table for table in report.tables if table.truncated] == ["cadets"]
    assert "more than are named" in page(report)


def test_values_swapped_between_rows_are_found(filled):
    """Sums over a column would be equal."""
    (first, second) = [row[0] for row in filled.django("select id from cadets order by id limit 2")]
    filled.django(
        "update cadets c set last_name = o.last_name || 'x' from cadets o "
        "where c.id = %s and o.id = %s",
        first,
        second,
    )
    filled.django("update cadets set last_name = 'y' where id = %s", second)
    assert {item.key for item in check(filled).differences} == {str(first), str(second)}


def test_secrets_are_shown_as_digests(filled):
    """A report never holds a password or its hash."""
    filled.django("update users set password = 'open sesame' where id = 1")
    report = check(filled)
    cells = [cell for item in report.differences for cell in item.cells]
    assert [cell.column for cell in cells] == ["password"]
    assert cells[0].destination.startswith("sha256:")
    assert "sesame" not in str(report.as_json())


def test_an_empty_destination_never_passes(filled):
    """Neither without a load, nor when its rows are gone."""
    every = ", ".join(table.name for table in filled.plan.tables)
    filled.django(f"truncate {every} cascade")
    report = check(filled)
    assert "the destination is empty" in report.reasons()
    filled.django("drop schema _migration cascade")
    with pytest.raises(NothingLoaded):
        check(filled)


def test_validation_detects_orphaned_records(filled):
    """Orphans behind a constraint that claims to be valid are found."""
    filled.django("set session_replication_role = replica")
    filled.django("delete from cadets where id = (select cadet_id from grades order by id limit 1)")
    filled.django("set session_replication_role = origin")
    report = check(filled)
    orphaned = [item for item in report.findings if item.claim == "references" and not item.good]
    assert {"grades"} <= {item.table for item in orphaned}
    assert all(item.keys for item in orphaned)


@pytest.mark.parametrize(
    ("damage", "claim"),
    [
        ("select setval('users_id_seq', 1)", "sequence"),
        ("alter table grades drop constraint grades_cadet_id_key", "catalog"),
        ("alter table notifications disable trigger all", "triggers"),
        ("delete from _migration.quarantine where table_name = 'activities'", "quarantine"),
    ],
)
def test_what_guards_the_rows_is_verified_too(filled, damage, claim):
    """Sequences, constraints, triggers and evidence."""
    filled.django(damage)
    report = check(filled)
    assert not report.good
    assert {item.claim for item in report.findings if not item.good} == {claim}


def test_a_wrong_rule_does_not_verify_itself(pair, rewritten):
    """A wrong rule is equal on both sides, and wrong both times: the text decides."""
    pair.legacy(
        "update training_days set date = '2025-03-04' "
        "where id = (select min(id) from training_days)"
    )
    pair.load()
    pair.django(
        "update training_days set date = '2025-04-03' "
        "where id = (select min(id) from training_days)"
    )
    report = check(pair)
    wrong = [item for item in report.inverses if item.wrong]
    assert [(item.table, item.column) for item in wrong] == [("training_days", "date")]


def test_a_change_that_is_no_longer_on_record_is_told(filled):
    """A value that became another one on its way is explained by its record alone."""
    assert check(filled).good
    ((key, column),) = filled.django(
        "delete from _migration.adjusted where ctid = (select min(ctid) from _migration.adjusted "
        "where table_name = 'attendance_records' and column_name = 'time_in' and chunk >= 0) "
        "returning key, column_name"
    )

    (wrong,) = [each for each in check(filled).inverses if each.wrong]

    assert (wrong.table, wrong.column, wrong.wrong) == ("attendance_records", column, 1)
    assert wrong.keys == (key,)


def test_sums_of_both_sides_tell_that_all_maps_back_and_where_it_does_not(filled):
    """Nothing is brought over while they are equal; of one damage the one column is told."""
    plan = filled.plan

    def told():
        with reading(filled.source) as ours, reading(filled.destination) as theirs:
            looks = [mapped_back.looking(plan, each, ours, theirs) for each in plan.tables]
            return {compared.table: found for compared, found in together(looks)}

    assert None not in told().values()
    filled.django(
        "update grades set prelim_score = coalesce(prelim_score, 0) + 1 "
        "where id = (select min(id) from grades)"
    )
    assert [name for name, found in told().items() if found is None] == ["grades"]
    assert [(e.table, e.column) for e in check(filled).inverses if e.wrong] == [
        ("grades", "prelim_score")
    ]


def test_many_rows_are_verified_by_two_sessions_a_side_in_one_snapshot(filled, monkeypatch):
    """With the same verdict: of a value, a relation and a twin that are wrong, each is told."""
    monkeypatch.setattr("handrail.transfer.verify.verify.small_tables", lambda *_: {})
    report = check(filled)
    assert report.good, report.reasons()
    ((last,),) = filled.django("select max(id)::text from users")
    filled.django("alter table users drop constraint users_username_key cascade")
    filled.django(
        f"update users set username = (select username from users where id < {last} limit 1) "
        f"where id = {last}"
    )
    told = check(filled)
    assert [each.key for each in told.differences] == [last]
    twice = [each for each in told.findings if each.claim == "unique" and not each.good]
    assert [each.subject for each in twice] == ["username"]


def test_counts_before_and_after_are_reported(loaded):
    """Source rows, kept out, moved and found, for every table."""
    report = check(loaded)
    assert report.good, report.reasons()
    for table in report.tables:
        assert table.source_rows == table.quarantined + table.found
    assert {item.claim for item in report.findings} >= {
        "booleans",
        "moments",
        "references",
        "unique",
        "sequence",
        "catalog",
        "quarantine",
        "triggers",
    }


def test_writes_since_the_load_are_kept(filled, tmp_path):
    """What a way back would lose is in files: inserted, updated and deleted rows, whole."""
    assert delta(filled.plan, filled.source, filled.destination).rows == 0
    filled.django(
        "insert into staff_messages (id, sender_staff_id, content, created_at) "
        "select 900000, id, 'new', now() from training_staff limit 1"
    )
    filled.django("update users set password = 'changed' where id = 1")
    filled.django("delete from sync_events where id = (select min(id) from sync_events)")

    found = delta(filled.plan, filled.source, filled.destination, tmp_path / "delta")

    counts = {t.table: (t.inserted, t.updated, t.deleted) for t in found.tables if t.file}
    assert counts == {"staff_messages": (1, 0, 0), "users": (0, 1, 0), "sync_events": (0, 0, 1)}
    assert found.source_changed == ()
    file = tmp_path / "delta" / "users.delta.ndjson"
    assert '"password": "changed"' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    filled.legacy("update cadets set address = 'elsewhere' where id = (select min(id) from cadets)")
    assert delta(filled.plan, filled.source, filled.destination).source_changed == ("cadets",)


def test_an_address_that_died_is_told_from_one_that_was_dead():
    """Gone before is no loss of the migration; gone since is."""
    alive, dead = links.Link("a", links.ALIVE, 200, ()), links.Link("b", links.DEAD, 404, ())
    before = links.LinkReport((alive, dead))
    after = links.LinkReport((links.Link("a", links.DEAD, 404, ()), dead))
    assert links.died(before, after) == ["a"]
    assert links.died(before, before) == []
    assert links.lost({"a", "b"}, {"b"}) == ["a"]


def test_lists_of_addresses_are_taken_apart():
    """A column may hold one address or a JSON list."""
    assert links.addresses('["http://a/1", "/b", null]') == ["http://a/1", "/b"]
    assert links.addresses(" http://a/1 ") == ["http://a/1"]
    assert links.addresses("[not json") == ["[not json"]
    assert links.addresses("  ") == []


def test_addresses_inside_objects_are_found():
    """An upload's answer, or a list of attachments: what is no address is left alone."""
    upload = '{"public_id": "a/b", "secure_url": "https://a/1", "eager": [{"url": "http://a/2"}]}'
    assert links.addresses(upload) == ["https://a/1", "http://a/2"]
    listed = '[{"name": "x", "url": " HTTPS://a/3 "}, "/b", 7, {"tags": ["no"]}]'
    assert links.addresses(listed) == ["HTTPS://a/3", "/b"]
    assert links.addresses("{not json") == ["{not json"]


def test_addresses_in_an_array_are_taken_apart(small):
    """A column of texts holds several files, on both sides."""
    small.holds(
        "create table t(id int primary key, files text[]);"
        "insert into t values (1, '{http://a/1,\"http://a/2,b\"}'), (2, '{}'), (3, null)",
        "create table t(id int primary key, files text[])",
        "tables: {t: {copy: [id], columns: {files: {link: true}}}}",
    )
    assert small.load().reasons() == []
    for side, url in zip((True, False), small.urls, strict=True):
        with connect(url) as session:
            found = links.collect(small.plan(), session, source=side)
        assert found == {"http://a/1": {"t.files"}, "http://a/2,b": {"t.files"}}


def test_a_silent_host_is_unanswered():
    """No answer is neither alive nor dead."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), None)
    port = server.server_port
    server.server_close()
    report = links.check({f"http://127.0.0.1:{port}/x": {"t.c"}}, attempts=2, timeout_seconds=1)
    assert report.counts()["unanswered"] == 1

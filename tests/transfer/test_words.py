"""What the words of a mapping do to rows, on real databases."""

import json

import pytest

from handrail.transfer.load import load
from handrail.transfer.read import export
from handrail.transfer.read.kept_out import write_kept_out
from handrail.transfer.sql import moment
from handrail.transfer.sql.withhold import shown_sql
from handrail.transfer.verify import page, verify

HASH = "$2b$12$" + "abcdefghijklmnopqrstuv" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234"


def test_write_puts_a_text_before_a_hash_and_tells_a_malformed_one_as_such(small):
    """Django's form of a Node hash; what is none is named by its own fault, not as NULL."""
    small.holds(
        f"create table users(id int primary key, password text);"
        f"insert into users values (1, '{HASH}'), (2, 'plain'), (3, '')",
        "create table users(id int primary key, password varchar(128) not null)",
        """tables:
  users:
    copy: [id]
    columns:
      password: {secret: true, pattern: bcrypt, write: "bcrypt${value}"}
""",
    )
    found = {f.what: f.rows for f in small.preflight().findings if f.verdict == "refused"}
    assert found == {"`password` does not have its declared form": 2}
    assert "'bcrypt$'" in shown_sql(small.plan())

    small.path.write_text(
        small.path.read_text().replace(
            "secret", 'when_malformed: placeholder, placeholder: "!none", max_defaulted: 2, secret'
        )
    )
    assert small.load().good
    assert small.there("select password from users order by id") == [
        (f"bcrypt${HASH}",),
        ("!none",),
        ("!none",),
    ]


def test_write_needs_the_value_once_and_a_text_column(small):
    """Elsewhere it means nothing."""
    small.holds(
        "create table t(id int primary key, a text)",
        "create table t(id int primary key, a int)",
        'tables:\n  t:\n    copy: [id]\n    columns:\n      a: {write: "x"}\n',
    )
    (told,) = small.problems()
    assert told.startswith("5: `t.a` writes `x`, which does not hold the value exactly once; ")
    assert 'write: "bcrypt${value}"' in told
    small.path.write_text(small.path.read_text().replace('"x"', '"x{value}"'))
    assert "`write` gives a text, the destination is integer" in small.problems()[0]


@pytest.mark.parametrize(
    "rule",
    [
        "secret: true, sql: \"'bcrypt$' || {pass}\"",
        "secret: true, sql: \"(select {pass} || '' )\"",
        "secret: true, from: pass",
    ],
)
def test_a_secret_rule_withholds_every_column_that_it_reads(small, tmp_path, rule):
    """In rows kept out and changed, in what other rules make of it, and in differences."""
    small.holds(
        "create table users(id int primary key, pass text, nick text);"
        "insert into users values (1, 'hush-1', 'a'), (2, 'hush-2', null), (3, 'hush-33333', 'c')",
        "create table users(id int primary key, password text, hint varchar(6),"
        "nick text not null);"
        "create table names(id int primary key, nick text not null)",
        f"""tables:
  users:
    max_quarantined: 1
    copy: [id]
    columns:
      password: {{{rule}}}
      hint: {{from: pass, when_too_long: truncate}}
      nick: {{when_null: quarantine, reason: it is needed}}
  names:
    also: users
    max_quarantined: 1
    copy: [id]
    columns:
      nick: {{when_null: quarantine, reason: it is needed}}
""",
    )
    assert small.load().good

    write_kept_out(small.plan(), small.urls[1], tmp_path)
    kept_out = (tmp_path / "quarantine.ndjson").read_text()
    changed = (tmp_path / "adjusted.ndjson").read_text()
    assert [json.loads(line)["key"] for line in changed.splitlines()] == ["3"]
    assert len(kept_out.splitlines()) >= 1
    assert "hush" not in kept_out + changed
    assert '"pass"' not in kept_out

    small.there("update users set password = 'other' where id = 1")
    small.there("update users set hint = 'other' where id = 1")
    report = verify.verify(small.plan(), *small.urls)
    assert [each.key for each in report.differences] == ["1"]
    assert "hush" not in json.dumps(report.as_json())


def test_a_scheme_is_shown_and_other_texts_of_a_secret_rule_are_not(small):
    """`bcrypt$` is what there is to check before a night; a password in the mapping is none."""
    small.holds(
        "create table t(id int primary key, a text)",
        "create table t(id int primary key, a text)",
        "tables:\n  t:\n    copy: [id]\n    columns:\n"
        "      a: {secret: true, sql: \"'bcrypt$' || replace({a}, '$2y$', '$2b$') || 'S3cret'"
        " || 'sha1$salt$'\", when_null: placeholder, placeholder: '!unusable', max_defaulted: 1}\n",
    )
    shown = shown_sql(small.plan())
    for text in ("bcrypt$", "$2y$", "$2b$"):
        assert f"'{text}'" in shown
    assert "S3cret" not in shown
    assert "salt" not in shown
    assert "unusable" not in shown


@pytest.mark.parametrize("mode", ["stream", "bulk"])
def test_a_generated_column_is_left_to_the_destination(small, mode):
    """Its identity counts, and goes on above; its default fills."""
    small.holds(
        'create table ab("A" int, "B" int); insert into ab values (1, 1), (1, 2)',
        "create table ab(id bigint generated by default as identity primary key, a_id int not null,"
        "b_id int not null, state text not null default 'new', unique (a_id, b_id))",
        "tables:\n  ab:\n    columns:\n      a_id: {from: A}\n      b_id: {from: B}\n",
    )
    assert [each.rpartition(" or ")[2] for each in small.problems()] == [
        "`generated: true` to leave it there",
        "`generated: true` to leave it there",
    ]
    small.path.write_text(
        small.path.read_text() + "      id: {generated: true}\n      state: {generated: true}\n"
    )
    assert small.load(mode=mode).good
    assert small.there("select id, a_id, b_id, state from ab order by b_id") == [
        (1, 1, 1, "new"),
        (2, 1, 2, "new"),
    ]
    assert small.there("insert into ab (a_id, b_id) values (9, 9) returning id") == [(3,)]


def test_what_has_no_default_cannot_be_left_to_the_destination(small):
    """And a rule that leaves it says nothing else."""
    small.holds(
        "create table t(id int primary key)",
        "create table t(id int primary key, a int not null)",
        "tables:\n  t:\n    copy: [id]\n    columns:\n      a: {generated: true, zone: UTC}\n",
    )
    assert "says zone" in small.problems()[0]
    small.path.write_text(small.path.read_text().replace(", zone: UTC", ""))
    assert "which has no default" in small.problems()[0]


def test_a_shortened_text_stays_apart_from_those_that_begin_alike(small):
    """The tail is made from the whole text, so it is the same in each load."""
    small.holds(
        "create table t(id int primary key, a text); insert into t values"
        "(1, repeat('x', 40) || '1'), (2, repeat('x', 40) || '2'), (3, 'short'),"
        "(4, repeat('é', 20))",
        "create table t(id int primary key, a varchar(20) unique)",
        "tables:\n  t:\n    copy: [id]\n    columns:\n      a: {when_too_long: shorten}\n",
    )
    assert small.load().good
    rows = [row[0] for row in small.there("select a from t order by id")]
    assert [len(row) for row in rows] == [20, 20, 5, 20]
    assert rows[0][:11] == rows[1][:11] == "x" * 11
    assert rows[3] == "é" * 20
    assert small.there("select key, action from _migration.adjusted order by 1") == [
        ("1", "shorten"),
        ("2", "shorten"),
    ]


def test_the_time_of_the_run_stays_over_a_resumed_load(small):
    """It is when the load began, whoever asks and however often."""
    small.holds(
        "create table t(id int primary key); insert into t select generate_series(1, 20)",
        "create table t(id int primary key, moved timestamptz not null, day date)",
        "tables:\n  t:\n    copy: [id]\n    columns:\n"
        '      moved: {constant: "{time_of_run}"}\n      day: {constant: "{time_of_run}"}\n',
    )

    class Killed(Exception):
        pass

    def stop(chunk):
        if chunk.number == 2:
            raise Killed

    with pytest.raises(Killed):
        small.load(chunk_rows=5, before_commit=stop)
    small.there("update t set moved = moved - interval '1 day', day = day - 1")
    small.there("update _migration.run set started_at = started_at - interval '1 day'")
    began = small.there("select distinct moved from t")
    assert small.load(chunk_rows=5).good
    assert small.there("select distinct moved from t") == began
    assert small.there("select started_at from _migration.run") == began
    assert small.load().good

    small.there("alter table t alter day type text")
    assert "is a moment, the destination text" in small.problems()[0]


def test_the_time_of_the_run_of_a_loaded_export_is_the_export_s(small, tmp_path, monkeypatch):
    """Its rows hold that moment, so whoever verifies them takes it too."""
    small.holds(
        "create table t(id int primary key); insert into t values (1)",
        "create table t(id int primary key, moved timestamptz not null)",
        'tables:\n  t:\n    copy: [id]\n    columns:\n      moved: {constant: "{time_of_run}"}\n',
    )

    def then(_):
        yield []
        return lambda _: "2020-02-02 02:02:02+00"

    with monkeypatch.context() as earlier:
        earlier.setattr(moment, "of_loads", then)
        export.export(small.plan(), *small.urls, tmp_path / "made")

    load.load_export(small.plan(), tmp_path / "made", small.urls[1])
    assert small.there("select moved::date::text from t") == [("2020-02-02",)]
    assert verify.verify(small.plan(), *small.urls).good


@pytest.mark.parametrize("there", [True, False])
def test_an_optional_column_or_table_may_be_absent(small, there):
    """What an application creates on first use is moved where it is, and not missed elsewhere."""
    extra = ", extra text" if there else ""
    lazy = "create table lazy(id int primary key); insert into lazy values (1);" if there else ""
    small.holds(
        f"create table t(id int primary key{extra}); {lazy} insert into t (id) values (1)",
        "create table t(id int primary key, extra text, more text not null);"
        "create table lazy(id int primary key)",
        "tables:\n  t:\n    copy: [id]\n    columns:\n      extra: {optional: true}\n"
        "      more: {from: extra, optional: true, default: none}\n"
        "  lazy: {optional: true, copy: [id]}\n",
    )
    assert small.load().good
    assert small.there("select count(*) from lazy") == [(int(there),)]
    assert small.there("select more from t") == [("none",)]


def test_what_is_malformed_may_be_kept_with_a_reason(small):
    """It is moved as it is, noted before, and on record after."""
    small.holds(
        "create table t(id int primary key, a text); insert into t values (1, 'plain')",
        "create table t(id int primary key, a text)",
        "tables:\n  t:\n    copy: [id]\n    columns:\n"
        "      a: {pattern: bcrypt, when_malformed: keep}\n",
    )
    assert "keeps what is malformed without a reason" in small.problems()[0]
    small.path.write_text(small.path.read_text().replace("keep}", "keep, reason: it is old}"))
    found = [f for f in small.preflight().findings if "it is old" in f.what]
    assert [(f.verdict, f.rows) for f in found] == [("noted", 1)]
    assert small.load().good
    assert small.there("select a from t") == [("plain",)]
    assert small.there("select action, new_value from _migration.adjusted") == [("keep", "plain")]


def test_what_the_new_application_rewrites_is_told_and_no_difference(small):
    """A hash renewed at the first sign-in, asked again after it; any other change still counts."""
    small.holds(
        "create table users(id int primary key, password text, name text);"
        "insert into users values (1, 'a', 'x'), (2, 'b', 'y')",
        "create table users(id int primary key, password text, name text)",
        "tables:\n  users:\n    copy: [id, name]\n    columns:\n"
        "      password: {secret: true, rewritten: Django renews a hash at the first sign-in}\n",
    )
    assert [table.rewritten for table in small.load().tables] == [0]

    small.there("update users set password = 'renewed' where id = 1")
    again = verify.verify(small.plan(), *small.urls)
    assert again.good
    assert [table.rewritten for table in again.tables] == [1]
    assert "equal, 1 rewritten since" in page.page(again)

    small.there("update users set name = 'z' where id = 1")
    damaged = verify.verify(small.plan(), *small.urls)
    assert not damaged.good
    assert [(each.key, [cell.column for cell in each.cells]) for each in damaged.differences] == [
        ("1", ["name"])
    ]


def test_a_column_with_braces_in_its_name_is_written_in_quotes(small):
    """Also a quote in a name, and a cast of nothing but such a column."""
    small.holds(
        'create table t(id int primary key, "br{ace}" int, "{x}" text, "q""{" text);'
        "insert into t values (1, 4, 'a', '2024-01-01')",
        "create table t(id int primary key, v int, x text, y date, z text)",
        """
tables:
  t:
    copy: [id]
    columns:
      v: {sql: '{"br{ace}"} + 1'}
      x: {sql: 'upper({"{x}"}) || ''{{}}'''}
      y: {sql: '{"q""{"}::date'}
      z: {from: '{x}', when_too_long: placeholder, placeholder: 'no-{"br{ace}"}'}
""",
    )
    assert small.load().reasons() == []
    assert small.there("select v, x, y::text, z from t") == [(5, "A{}", "2024-01-01", "a")]


def test_a_number_that_the_destination_gives_is_looked_up_once_a_rule_gives_it(small):
    """The refusal says how; a table is found by a key that is a text as well."""
    small.holds(
        "create table u(email text primary key); insert into u values ('b@x'), ('a@x');"
        "create table o(id int primary key, email text references u);"
        "insert into o values (1, 'b@x'), (2, null)",
        "create table u(id bigint generated by default as identity primary key, email text unique);"
        "create table o(id int primary key, user_id bigint references u)",
        "tables:\n  u: {copy: [email], columns: {id: {generated: true}}}\n"
        "  o: {copy: [id], columns: {user_id: {lookup: {table: u, column: id, through: email}}}}\n",
    )
    (refused,) = small.problems()
    assert "nobody knows before" in refused
    number = "(select count(*) from public.u o where o.email <= {email})"
    assert number.replace("public.u", '"public"."u"').replace("email", "KEY") in refused
    text = small.path.read_text().replace("{generated: true}", f'{{sql: "{number}"}}')
    small.path.write_text(text)

    assert small.load().reasons() == []
    assert small.there("select o.id, email from o left join u on u.id = user_id order by 1") == [
        (1, "b@x"),
        (2, None),
    ]
    assert small.there("insert into u (email) values ('c@x') returning id") == [(3,)]

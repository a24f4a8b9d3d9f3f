"""A source that is written to while its rows move, and what the last round leaves behind."""

import threading

import psycopg
import pytest

from handrail.clients.errors import ClientError
from handrail.transfer.freeze import freeze, thaw
from handrail.transfer.load.catchup import catch_up, followed, left_behind, record
from handrail.transfer.load.load import LoadFailed, load
from handrail.transfer.verify.verify import verify

# The seed's own sequence lies behind its rows, as sequences of real legacy data do.
NEW_DAY = (
    "insert into training_days (id, date, title) "
    "select max(id) + 1, '2026-10-04', 'new' from training_days"
)


def differences(pair):
    """Return what the verification finds, one line each."""
    return verify(pair.plan, pair.source, pair.destination).reasons()


def test_rows_written_after_the_load_arrive_with_the_next_round(pair):
    """Inserted, changed and deleted rows of the source are followed."""
    load(pair.plan, pair.source, pair.destination)
    with psycopg.connect(pair.source) as source:
        source.execute(NEW_DAY)
        source.execute(
            "update cadets set first_name = 'Changed' where id = (select min(id) from cadets)"
        )
        source.execute("delete from staff_messages where id = (select max(id) from staff_messages)")
    assert differences(pair)
    done = catch_up(pair.plan, pair.source, pair.destination, bound_seconds=60)
    assert done.chunks_moved >= 3
    assert not differences(pair)


def test_a_source_at_rest_needs_one_round_that_moves_nothing(pair):
    """Nothing was written, so nothing is moved."""
    load(pair.plan, pair.source, pair.destination)
    done = catch_up(pair.plan, pair.source, pair.destination, bound_seconds=60)
    assert (done.rounds, done.chunks_moved) == (1, 0)


def test_what_is_written_until_the_freeze_is_there_after_the_last_round(pair):
    """Copy while live, follow, freeze, follow once more: both sides are equal."""
    stop = threading.Event()

    def write():
        with psycopg.connect(pair.source, autocommit=True) as source:
            while not stop.wait(0.01):
                source.execute(NEW_DAY)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        load(pair.plan, pair.source, pair.destination)
        catch_up(pair.plan, pair.source, pair.destination, bound_seconds=60)
    finally:
        stop.set()
        writer.join()
    freeze(pair.source)
    try:
        catch_up(pair.plan, pair.source, pair.destination, bound_seconds=60)
        assert not differences(pair)
    finally:
        thaw(pair.source)


def test_following_is_refused_before_a_load(pair):
    """There is nothing to bring up to date, and the refusal says what to do."""
    with pytest.raises(ClientError) as refused:
        catch_up(pair.plan, pair.source, pair.destination, bound_seconds=60)
    assert "load" in refused.value.fix


def test_a_bound_that_cannot_be_met_ends_the_following(pair):
    """It gives up after some rounds instead of following for ever."""
    load(pair.plan, pair.source, pair.destination)
    with pytest.raises(ClientError, match="brought up to date"):
        catch_up(pair.plan, pair.source, pair.destination, bound_seconds=0, rounds=2)


KEPT_OUT = """
select count(*), max(row_data->>'reason') from _migration.quarantine
where table_name = 'excuse_letters' and row_data->>'cadet_id' like '200000000_'
"""
ANOTHER = """
insert into excuse_letters (id, cadet_id, date_absent)
select max(id) + 1, 2000000001, '2025-02-02' from excuse_letters
"""
TOLD_LATER = "update excuse_letters set reason = 'told later' where cadet_id = 2000000000"


@pytest.mark.parametrize("change", [ANOTHER, TOLD_LATER])
def test_what_is_kept_out_is_followed_as_well(pair, change):
    """A row that came to be kept out, and one that was kept out and has changed since."""
    load(pair.plan, pair.source, pair.destination)
    before = pair.django(KEPT_OUT)
    pair.legacy(change)
    assert left_behind(pair.plan, pair.source, pair.destination) == ("excuse_letters",)
    catch_up(pair.plan, pair.source, pair.destination, bound_seconds=60)
    assert pair.django(KEPT_OUT) != before
    assert left_behind(pair.plan, pair.source, pair.destination) == ()


def test_what_following_came_to_is_on_record_with_the_rows(pair):
    """By its label; and not for another one, nor before."""
    places = (pair.plan, pair.source, pair.destination)
    load(*places)
    assert followed(pair.plan, pair.destination, "first") is None
    done = catch_up(*places, bound_seconds=60)
    record(pair.plan, pair.destination, "first", done)
    assert followed(pair.plan, pair.destination, "first") == done
    assert followed(pair.plan, pair.destination, "second") is None


def test_what_is_left_behind_is_named_by_table(pair):
    """Of the source's rows; what somebody wrote on the destination is not the source's doing."""
    places = (pair.plan, pair.source, pair.destination)
    load(*places)
    pair.django("update cadets set first_name = 'x' where id = (select min(id) from cadets)")
    assert left_behind(*places) == ()
    pair.legacy(NEW_DAY)
    assert left_behind(*places) == ("training_days",)
    catch_up(*places, bound_seconds=60)
    assert left_behind(*places) == ()
    assert not differences(pair)


def test_a_database_that_fails_in_a_round_is_told(pair):
    """A refusal, not a traceback; and the same call goes on once it is mended."""
    places = (pair.plan, pair.source, pair.destination)
    load(*places)
    pair.legacy("alter table cadets rename to hidden")
    with pytest.raises(ClientError, match=r'"public\.cadets" does not exist'):
        catch_up(*places, bound_seconds=60)
    pair.legacy("alter table hidden rename to cadets")
    assert catch_up(*places, bound_seconds=60).chunks_moved == 0


def test_values_that_rows_exchanged_are_followed(small):
    """A later row gave a unique name to an earlier one, whose chunk is moved first.

    And two of one chunk changed places, by which the sum of no column changes.
    """
    table = "create table t(id int primary key, name text unique, a int)"
    filled = f"{table}; insert into t select g, 'n' || g, g from generate_series(1, 40) g"
    small.holds(filled, table, "tables:\n  t: {copy: [id, name, a]}\n")
    small.load(chunk_rows=10)
    small.here("update t set name = 'x' where id = 39; update t set name = 'n39' where id = 2")
    small.here("update t set a = 23 - id where id in (11, 12)")

    assert [each.key for each in small.verify().differences] == ["2", "11", "12", "39"]
    assert catch_up(small.plan(), *small.urls, bound_seconds=60).chunks_moved == 3
    assert small.there("select id from t where name = 'n39' or a <> id") == [(2,), (11,), (12,)]
    assert small.verify().reasons() == []


def test_a_number_that_the_source_gave_to_a_row_of_once_is_not_given_again(small):
    """Whether its sequence belongs to the column or not; also one that was given since the load."""
    tables = "create table t(id serial primary key); create table u(id bigserial primary key)"
    small.holds(
        "create sequence q; create table t(id int primary key default nextval('q'));"
        "create table u(id int generated always as identity primary key);"
        "insert into t select nextval('q') from generate_series(1, 9); delete from t where id > 4;"
        "insert into u select; insert into u select; delete from u where id = 2",
        tables,
        "tables:\n  t: {copy: [id]}\n  u: {copy: [id]}\n",
    )
    small.load()
    assert small.there("select nextval('t_id_seq'), nextval('u_id_seq')") == [(10, 3)]
    small.here("select nextval('q') from generate_series(1, 20)")

    catch_up(small.plan(), *small.urls, bound_seconds=60)

    assert small.there("select nextval('t_id_seq')") == [(30,)]


FITTING = """
tables:
  t:
    copy: [id]
    columns:
      a: {cast: integer}
      b: {cast: integer, when_uncastable: "null", max_nulled: 1}
"""


@pytest.mark.parametrize(
    ("came", "why"),
    [
        ("insert into t values (3, 'x', '3')", "`t.a`: `a` cannot be read, 1 rows, as 3"),
        ("update t set b = 'y' where id < 3", "2 of 2 rows would become NULL"),
    ],
)
def test_rows_that_a_preflight_refuses_are_not_followed(small, came, why):
    """Nobody has seen them: they are named, and the destination stays as it was."""
    source = (
        "create table t(id int primary key, a text, b text); insert into t values (1, '1', '1')"
    )
    small.holds(
        f"{source}, (2, '2', 'z')", "create table t(id int primary key, a int, b int)", FITTING
    )
    small.load()
    there = small.there("table t")
    small.here(came)
    with pytest.raises(LoadFailed) as refused:
        catch_up(small.plan(), *small.urls, bound_seconds=60)
    assert why in refused.value.why
    assert small.there("table t") == there

"""Loading: complete, exact, and the same after any interruption."""

import signal
import subprocess
import sys

import psycopg
import pytest

from handrail.transfer.load import admission, bulk, load
from handrail.transfer.load.chunks import LoadFailed
from handrail.transfer.read import export
from handrail.transfer.read.files import check_export
from handrail.transfer.session import connection as session
from handrail.transfer.sql import catalog
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify.verify import verify

KILLED = """
import os, signal, sys
from handrail.transfer.load import load
from handrail.transfer.sql.compile import open_plan
mapping, source, destination, point, mode, when = sys.argv[1:]
count = 0
def strike(*_):
    global count
    count += 1
    if count == int(point):
        os.kill(os.getpid(), signal.SIGKILL)
plan = open_plan(mapping, source, destination)
load.load(plan, source, destination, chunk_rows=20, mode=mode, **{when: strike})
"""


def test_everything_is_there_after_a_load(loaded):
    """Every source row is on the destination or in quarantine."""
    assert verify(loaded.plan, loaded.source, loaded.destination).reasons() == []
    for table in loaded.result.tables:
        source = loaded.plan.table(table.table).source
        ((rows,),) = loaded.legacy(f"select count(*) from {source}")
        assert rows == table.rows + table.quarantined


def test_a_second_load_moves_nothing(loaded):
    """The same call again finds everything done."""
    again = loaded.load()

    assert not again.changed
    assert again.rows == loaded.result.rows
    assert again.seconds < 1


def test_is_loaded_knows_the_plan(loaded):
    """The marker holds for the plan that was loaded, and for no other."""
    assert load.is_loaded(loaded.destination, loaded.plan.digest)
    assert not load.is_loaded(loaded.destination, "another")


def test_sequences_continue_above_every_number_ever_used(loaded):
    """A number of a row that was kept out is not given again."""
    ((highest,),) = loaded.legacy("select max(id) from notifications")
    ((following,),) = loaded.django("select nextval('notifications_id_seq')")
    assert following > highest


def test_secrets_stay_out_of_the_evidence(loaded):
    """A spoilt password is replaced, and shown nowhere."""
    spoilt = [
        row[0]
        for row in loaded.legacy("select password from users where password !~ '^.2.[$].{56}'")
    ]
    assert len(spoilt) == 2
    evidence = loaded.django(
        "select a::text from _migration.adjusted a "
        "union all select q::text from _migration.quarantine q"
    )
    assert not [row for row in evidence for password in spoilt if password in row[0]]
    withheld = loaded.django(
        "select old_value from _migration.adjusted "
        "where column_name = 'password' and table_name = 'users'"
    )
    assert withheld == [("withheld",)] * 2


@pytest.mark.parametrize(
    ("point", "when", "mode"),
    [
        (1, "before_commit", "stream"),
        (7, "on_chunk", "bulk"),
        (25, "before_commit", "stream"),
        (31, "before_commit", "bulk"),
    ],
)
def test_a_killed_load_resumes_exactly(pair, point, when, mode):
    """After kill -9 the ledger and the rows agree, and the same call carries on."""
    address = [str(pair.mapping), pair.source, pair.destination]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *address, str(point), mode, when], check=False
    )
    assert killed.returncode == -signal.SIGKILL

    done = pair.django(
        "select table_name, sum(rows) from _migration.chunk where loaded_at is not null group by 1"
    )
    for table, rows in done:
        assert pair.django(f"select count(*) from {table}") == [(rows,)]
    plan = open_plan(pair.mapping, pair.source, pair.destination)
    resumed = load.load(plan, pair.source, pair.destination, chunk_rows=20)

    assert resumed.chunks_unchanged == point - (when == "before_commit")
    assert verify(plan, pair.source, pair.destination).reasons() == []


def test_a_resumed_load_moves_again_what_the_source_changed(pair):
    """Rows that changed or went between two attempts are as the source has them now."""

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pair.load(on_chunk=lambda moved: stop(moved) if moved.chunk.table == "grades" else None)
    pair.legacy("update users set role = 'admin' where id = (select max(id) from users)")
    pair.legacy("delete from cadets where id in (select cadet_id from grades limit 1)")

    pair.load()

    assert verify(pair.plan, pair.source, pair.destination).reasons() == []


def test_a_bulk_load_puts_every_key_and_index_back(pair):
    """The catalogs before and after are the same."""
    with session.connect(pair.destination) as before:
        shape = catalog.read(before).shape()
    pair.load(mode="bulk")
    with session.connect(pair.destination) as after:
        assert catalog.read(after).shape() == shape
        assert bulk.pending(after, pair.plan.digest) == []
    assert verify(pair.plan, pair.source, pair.destination).reasons() == []


def test_rows_nobody_declared_stop_a_load(pair):
    """A destination in use is not overwritten."""
    pair.django(
        "insert into training_days (id, date, title, created_at) values (1, now(), 'here', now())"
    )

    with pytest.raises(load.LoadRefused, match="training_days"):
        pair.load()
    assert pair.django("select title from training_days") == [("here",)]


def test_rows_declared_to_give_way_are_kept_as_evidence(loaded):
    """What the project's migrations inserted is set aside, and the legacy values are there."""
    assert (
        len(loaded.django("select * from _migration.replaced where table_name = 'system_settings'"))
        == 4
    )
    assert loaded.django("select value from system_settings where key = 'motto'") == [("",)]


def test_another_mapping_does_not_load_over_a_finished_one(loaded, rewritten):
    """A finished load gives way to a restore only."""
    path, _ = rewritten("default: Ongoing", "default: Unknown")
    other = open_plan(path, loaded.source, loaded.destination)

    with pytest.raises(load.LoadRefused, match="another mapping"):
        load.load(other, loaded.source, loaded.destination, supersede=True)


def test_an_unfinished_load_of_another_mapping_gives_way_on_demand(pair, rewritten):
    """A mapping may be mended after a load stopped half way."""

    def stop(moved):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pair.load(on_chunk=stop)
    path, _ = rewritten("default: Ongoing", "default: Unknown")
    mended = open_plan(path, pair.source, pair.destination)
    with pytest.raises(load.LoadRefused, match="unfinished"):
        load.load(mended, pair.source, pair.destination)

    load.load(mended, pair.source, pair.destination, supersede=True)

    assert verify(mended, pair.source, pair.destination).reasons() == []


def test_two_loads_do_not_run_at_once(pair, monkeypatch):
    """The second one is told that the first is there."""
    monkeypatch.setattr(admission, "LOCK_WAIT_SECONDS", 0.1)
    with psycopg.connect(pair.destination) as other:
        other.execute(f"select pg_advisory_lock({admission.LOCK})")
        with pytest.raises(load.LoadRefused, match="another load"):
            pair.load()


def test_a_trigger_that_changes_rows_is_noticed(pair):
    """A chunk that arrives other than it was read is not committed."""
    pair.django(
        "create function shout() returns trigger language plpgsql as "
        "$$ begin new.title = upper(new.title); return new; end $$"
    )
    pair.django(
        "create trigger shout before insert on training_days for each row execute function shout()"
    )

    with pytest.raises(LoadFailed, match="arrived changed"):
        pair.load(preflighted=True)
    assert pair.django("select count(*) from training_days") == [(0,)]


def test_an_import_from_files_equals_a_streamed_load(pair, tmp_path):
    """Files and stream end in the same rows and the same evidence; twice is once."""
    made = export.export(
        pair.plan, pair.source, pair.destination, tmp_path / "export", chunk_rows=30
    )

    result = load.load_export(pair.plan, tmp_path / "export", pair.destination)

    assert check_export(tmp_path / "export") == made
    assert result.rows == made.rows
    assert verify(pair.plan, pair.source, pair.destination).reasons() == []
    assert not load.load_export(pair.plan, tmp_path / "export", pair.destination).changed

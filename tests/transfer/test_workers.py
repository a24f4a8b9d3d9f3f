"""Chunks moved by several processes: local ones, and those of a real Dask cluster."""

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from handrail.clients.errors import ClientError
from handrail.transfer.load import rebuild, workers
from handrail.transfer.load.load import load
from handrail.transfer.load.worker_pool import WorkerInput
from handrail.transfer.verify.verify import verify

ROOT = Path(__file__).parents[2]
CHUNK_ROWS = 40  # so that the small seed makes several chunks of its larger tables


def carried(pair, chosen, **hooks):
    """Load a pair by several workers, and say that everything arrived."""
    done = load(
        pair.plan, pair.source, pair.destination, chunk_rows=CHUNK_ROWS, workers=chosen, **hooks
    )
    report = verify(pair.plan, pair.source, pair.destination)
    assert report.good, report.reasons()
    return done


def test_local_processes_load_what_one_process_loads(pair):
    """Two workers on one snapshot: every row arrives, and a second load moves nothing."""
    done = carried(pair, workers.local(2))
    assert done.chunks_moved > len(pair.plan.tables)
    again = carried(pair, workers.local(2))
    assert not again.changed


def test_a_killed_local_process_costs_nothing(pair):
    """SIGKILL to a worker midway: its chunk is moved again, by a new process."""
    pools = []

    @contextmanager
    def watched():
        with workers.local(2).make() as pool:
            pools.append(pool)
            yield pool

    def kill_one(_):
        if len(pools) == 1:
            pools[0].processes[0].kill()
            pools.append(None)

    carried(pair, workers.Workers(2, watched), on_chunk=kill_one)


def test_a_worker_that_always_dies_ends_the_load(pair):
    """The load gives up after a few deaths, says so, and can be resumed."""

    @contextmanager
    def doomed():
        with workers.local(1).make() as pool:
            pool.processes[0].kill()
            yield pool

    with pytest.raises(ClientError, match="not loaded to its end"):
        load(
            pair.plan,
            pair.source,
            pair.destination,
            chunk_rows=CHUNK_ROWS,
            workers=workers.Workers(1, doomed),
        )
    carried(pair, None)


def test_a_table_is_built_while_others_are_moved_and_a_stop_then_costs_nothing(pair, monkeypatch):
    """Its keys are back before the last chunk is there; stopped right then, a load goes on."""
    monkeypatch.setattr(rebuild, "FEW_ROWS", 20)
    filled = []

    class Watched(rebuild.Rebuild):
        def filled(self, table):
            super().filled(table)
            filled.append(table)

    monkeypatch.setattr(rebuild, "Rebuild", Watched)
    built = "select count(*) from _migration.definition where rebuilt_at is not null"

    def stop_once_built(_):
        with psycopg.connect(pair.destination, autocommit=True) as session:
            while "attendance_records" in filled:
                if session.execute(built).fetchone()[0]:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carried(pair, workers.local(2), mode="bulk", on_chunk=stop_once_built)
    assert len(filled) < len(pair.plan.tables)
    assert carried(pair, workers.local(2), mode="bulk").chunks_unchanged


UNDER_PYINFRA = """
import sys
import pyinfra_cli  # gevent takes the place of threads
from handrail.transfer.load import rebuild, workers
from handrail.transfer.load import load
from handrail.transfer.sql.compile import open_plan

if __name__ != "__main__":
    raise SystemExit("a worker imported what started its parent")
rebuild.FEW_ROWS = 20  # keys are built while others are moved
plan = open_plan(*sys.argv[1:4])
chosen = workers.local(2)
pool = chosen.make()
made = [pool]

def make():
    return made.pop() if made else chosen.make()

pool.processes[0].kill()
watched = workers.Workers(2, make)
done = load.load(plan, *sys.argv[2:4], mode="bulk", chunk_rows=40, workers=watched)
print(done.chunks_moved)
"""


def test_workers_serve_a_parent_under_gevent_and_one_may_die(pair, tmp_path):
    """As pyinfra runs it: a worker dies before its first call, and the load goes on."""
    script = tmp_path / "parent.py"
    script.write_text(UNDER_PYINFRA)
    done = subprocess.run(
        [sys.executable, script, pair.plan.file, pair.source, pair.destination],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > len(pair.plan.tables)
    report = verify(pair.plan, pair.source, pair.destination)
    assert report.good, report.reasons()


@pytest.fixture
def dask_cluster(tmp_path):
    """Start a scheduler and two worker processes; give its address and the workers."""
    pytest.importorskip("distributed")
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    with ExitStack() as stack:

        def start(*arguments):
            process = subprocess.Popen(
                [*command[:2], *arguments],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.stderr.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        local = ("--host", "127.0.0.1", "--no-dashboard")
        scheduler = start("distributed.cli.dask_scheduler", "--port", "0", *local)
        address = next(
            found[1]
            for line in scheduler.stderr
            if (found := re.search(r"Scheduler at:\s+(tcp://\S+)", line))
        )
        workers = [
            start(
                "distributed.cli.dask_worker",
                address,
                *("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path), *local),
            )
            for _ in range(2)
        ]
        yield address, workers


def test_a_cluster_loads_though_a_worker_is_killed(pair, dask_cluster):
    """A real scheduler, two worker processes, one killed midway: every row arrives once."""
    address, processes = dask_cluster

    def kill_one(_):
        if processes[0].poll() is None:
            processes[0].kill()
            processes[0].wait()

    carried(pair, workers.cluster(address), on_chunk=kill_one)


def test_no_address_shows_in_what_a_worker_is_handed(pair):
    """A cluster logs what it is handed; the databases' passwords are not in it."""
    given = WorkerInput(pair.plan, pair.source, pair.destination, "00000003-1")
    assert pair.source not in repr(given)
    assert pair.destination not in repr(given)

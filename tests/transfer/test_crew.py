"""Chunks moved by several processes: local ones, and those of a real Dask cluster."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from operations.clients.errors import ClientError
from operations.transfer import crew
from operations.transfer.load import load
from operations.transfer.verify import verify

ROOT = Path(__file__).parents[2]
CHUNK_ROWS = 40  # so that the small seed makes several chunks of its larger tables


def carried(pair, hands, **hooks):
    """Load a pair by several hands, and say that everything arrived."""
    done = load(
        pair.plan, pair.source, pair.destination, chunk_rows=CHUNK_ROWS, hands=hands, **hooks
    )
    report = verify(pair.plan, pair.source, pair.destination)
    assert report.good, report.reasons()
    return done


def test_local_processes_load_what_one_process_loads(pair):
    """Two workers on one snapshot: every row arrives, and a second load moves nothing."""
    done = carried(pair, crew.local(2))
    assert done.chunks_moved > len(pair.plan.tables)
    again = carried(pair, crew.local(2))
    assert not again.changed


def test_a_killed_local_process_costs_nothing(pair):
    """SIGKILL to a worker midway: its chunk is moved again, by a new process."""
    pools = []

    @contextmanager
    def watched():
        with crew.local(2).make() as pool:
            assert isinstance(pool, ProcessPoolExecutor)
            pools.append(pool)
            yield pool

    def kill_one(_):
        if len(pools) == 1:
            victim = next(iter(pools[0]._processes))
            os.kill(victim, signal.SIGKILL)
            pools.append(None)

    carried(pair, crew.Hands(2, watched), on_chunk=kill_one)


def test_a_worker_that_always_dies_ends_the_load(pair):
    """The load gives up after a few deaths, says so, and can be resumed."""

    @contextmanager
    def doomed():
        with ProcessPoolExecutor(1, initializer=os._exit, initargs=(9,)) as pool:
            yield pool

    with pytest.raises(ClientError, match="not loaded to its end"):
        load(
            pair.plan,
            pair.source,
            pair.destination,
            chunk_rows=CHUNK_ROWS,
            hands=crew.Hands(1, doomed),
        )
    carried(pair, None)


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
    address, workers = dask_cluster

    def kill_one(_):
        if workers[0].poll() is None:
            workers[0].kill()
            workers[0].wait()

    carried(pair, crew.cluster(address), on_chunk=kill_one)


def test_no_address_shows_in_what_a_worker_is_handed(pair):
    """A cluster logs what it is handed; the databases' passwords are not in it."""
    seat = crew.Seat(pair.plan, pair.source, pair.destination, "00000003-1")
    assert pair.source not in repr(seat)
    assert pair.destination not in repr(seat)

"""What moves chunks side by side: processes of this machine, or those of a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from handrail.clients.errors import ClientError
from handrail.transfer.load.worker_processes import WorkerProcesses

WORKERS_SECONDS = 30.0

MakeExecutor = Callable[[], AbstractContextManager[Executor]]


@dataclass(frozen=True)
class Workers:
    """How many processes work side by side, and what makes them."""

    number: int
    make: MakeExecutor


def asked_for(workers: int, address: str | None = None) -> Workers | None:
    """Return a cluster where its scheduler's address is given, else local processes.

    None for one worker: its chunks are moved by the process that loads.
    """
    if address:
        return cluster(address)
    return local(workers) if workers > 1 else None


def local(workers: int) -> Workers:
    """Return processes of this machine."""
    return Workers(workers, lambda: WorkerProcesses(workers))


def cluster(address: str) -> Workers:
    """Return all threads of a running Dask cluster.

    Args:
        address: Of its scheduler, such as ``tcp://10.0.0.7:8786``; every worker must reach both
            databases, and have this package and PostgreSQL's `psql`.

    Raises:
        ClientError: the extra `cluster` is not installed, or no worker is there.

    Source: https://distributed.dask.org/en/stable/api.html#distributed.Client.get_executor
    """
    try:
        from distributed import Client  # noqa: PLC0415  an extra: most loads need no cluster
    except ImportError:
        raise ClientError(
            "the load was not spread over a cluster",
            "Dask is not installed",
            "uv sync --extra cluster, then the same command again",
        ) from None

    @contextmanager
    def make() -> Iterator[Executor]:
        with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            # `pure=False`: the same call twice is two workers, not one answer from a cache.
            yield client.get_executor(pure=False)

    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        try:
            client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except TimeoutError:
            raise ClientError(
                "the load was not spread over a cluster",
                f"the scheduler at {address} has no worker",
                "start its workers, then the same command again",
            ) from None
        threads = sum(client.nthreads().values())
    return Workers(threads, make)

"""Loads struck at random moments: ledger and rows agree, and nothing differs at the end."""

import os
import random

import pytest

from tests.bench.cluster import Cluster
from tests.chaos.data_campaign import KINDS, Ground
from tests.transfer.conftest import migrate

SEED = int(os.environ.get("CHAOS_SEED", "20261003"))
KILLS = int(os.environ.get("CHAOS_DATA_KILLS", "8"))  # of each kind in each mode: 72 altogether
# The machine stays up while the server dies, so the kernel keeps what was written.
SETTINGS = ("fsync=off", "shared_buffers=256MB", "max_wal_size=4GB")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose commits survive its own crash, with an empty destination to copy."""
    with Cluster(tmp_path_factory.mktemp("crashing-postgres"), SETTINGS) as running:
        running.create_database("django")
        migrate(running.url("django"), tmp_path_factory.mktemp("crashing-django"))
        yield running


@pytest.fixture(scope="module")
def small(server):
    """A legacy database that loads in a moment."""
    return Ground(server, rows=1500, chunk_rows=60)


@pytest.fixture(scope="module")
def medium(server):
    """A legacy database of some size, in many chunks."""
    return Ground(server, rows=20_000, chunk_rows=250)


def test_a_load_struck_in_every_way_ends_as_one_that_was_not(small):
    """A few blows of each kind, one after the other; the campaign is long."""
    chance = random.Random(SEED)
    life = small.life("bulk", chance)

    for kind in ("client", "server", "line", "client", "server"):
        while not life.strike(kind):  # it was through before the blow fell
            life.finish()
            life = small.life("bulk", chance)
    life.finish()


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("mode", "workers"), [("stream", 1), ("bulk", 1), ("bulk", 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_blows_at_random_moments_lose_nothing_and_double_nothing(medium, kind, mode, workers):
    """Each load is struck until it gets through; loads go on until enough blows have landed."""
    chance = random.Random(f"{SEED}-{kind}-{mode}-{workers}")
    landed, unsaid = 0, []
    while landed < KILLS:
        life = medium.life(mode, chance, workers)
        while life.strike(kind):
            landed += 1
        life.finish()
        unsaid += life.unsaid
    assert not unsaid, f"{len(unsaid)} of {landed} blows: {unsaid[0]}"

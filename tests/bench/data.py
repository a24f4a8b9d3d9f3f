"""Moving and verifying the data, against COPY, pg_dump and the tools others use."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.cluster import Cluster
from tests.bench.far import Far
from tests.bench.large import Large
from tests.bench.lines import lines
from tests.bench.measure import Line, interleave, load_average, say, table
from tests.bench.methods import Methods
from tests.bench.places import SETTINGS, Places

ROWS = 2_000_000
ROUNDS = 5


def near(places: Places, given: argparse.Namespace) -> list[Line]:
    """Measure everything, with the databases on this machine and then far away."""
    places.make(given.rows)
    methods = Methods(places)
    methods.prepare()
    interleave(methods.by_name(), given.rounds, methods.figures)
    return [*lines(methods), *Far(places).run(given.rounds)]


def main(options: list[str]) -> int:
    """Run the benchmark; exit 1 when a gate is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench data", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows altogether; 200000: a look")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds")
    parser.add_argument("--large", action="store_true", help="also 10 million rows against 1")
    parser.add_argument("--far", action="store_true", help="only the lines at 80 ms")
    given = parser.parse_args(options)
    before = load_average()
    with tempfile.TemporaryDirectory(prefix="bench-data-") as directory:
        place = Path(directory)
        say("starting a PostgreSQL server of our own")
        with Cluster(place / "postgres", SETTINGS) as server:
            places = Places(server, place)
            found = Far(places).run(given.rounds) if given.far else near(places, given)
            if given.large:
                found += Large(places).run(given.rounds)
    sys.stdout.write(f"{table(found)}\n\n")
    sys.stdout.write(
        f"{places.rows:,} rows in 19 tables, {given.rounds} interleaved rounds; "
        f"load average before {before}, after {load_average()}\n"
    )
    missed = [line.quantity for line in found if not line.passed]
    for quantity in missed:
        sys.stdout.write(f"missed: {quantity}\n")
    return 1 if missed else 0

"""Loads that are struck while they run, held to an oracle after every blow and at the end."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg

from operations.transfer import catalog, chunks, dump, load
from operations.transfer.chunks import Chunk, Sums
from operations.transfer.compile import open_plan
from operations.transfer.session import connect, reading
from operations.transfer.verify import verify
from tests.bench.cluster import Cluster
from tests.chaos.loader import REFUSED
from tests.rehearsal.seed import fill
from tests.transfer.pair import MAPPING

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90
KINDS = ("client", "server", "line")
SESSIONS = "from pg_stat_activity where application_name = 'cutover-transfer'"
EVIDENCE = {
    "quarantine": "table_name, chunk, source_table, key, reason, row_data::text",
    "adjusted": "table_name, chunk, key, column_name, action, fault, old_value, new_value",
    "replaced": "table_name, reason, row_data::text",
}
SEQUENCES = (
    "select sequencename::text, last_value from pg_sequences where schemaname = 'public' order by 1"
)
DEFINITIONS = """
select d.name, d.rebuilt_at is not null, exists (
    select 1 from pg_constraint k where k.conname = d.name and k.convalidated
    union all select 1 from pg_class c where c.relname = d.name and c.relkind = 'i')
from _migration.definition d
"""


class Ground:
    """A legacy database, an empty destination to copy, and what a load nobody disturbs makes.

    Args:
        server: Running cluster with an empty migrated database `django`.
        rows: Rows of the legacy database.
        chunk_rows: Rows of one transaction.
    """

    def __init__(self, server: Cluster, rows: int, chunk_rows: int) -> None:
        self.server = server
        self.chunk_rows = chunk_rows
        self.name = f"legacy_{rows}"
        self.source = server.create_database(self.name)
        fill(self.source, rows, "http://127.0.0.1:9")
        self.source_print = dump.fingerprint(self.source)
        oracle = server.create_database(f"oracle_{rows}", "django")
        with connect(oracle) as session:
            self.shape = catalog.read(session).shape()
        self.plan = open_plan(MAPPING, self.source, oracle)
        done = load.load(self.plan, self.source, oracle, chunk_rows=chunk_rows)
        self.seconds = done.seconds
        self.truth = outcome(oracle)

    def life(self, mode: str, chance: random.Random) -> "Life":
        """Begin with an empty destination."""
        name = f"struck_{self.name}"
        self.server.drop_database(name)
        self.server.create_database(name, "django")
        return Life(self, self.server.url(name), mode, chance)


class Life:
    """One destination, from empty to loaded, through any number of blows."""

    def __init__(self, ground: Ground, destination: str, mode: str, chance: random.Random) -> None:
        self.ground = ground
        self.destination = destination
        self.mode = mode
        self.chance = chance
        self.landed: Counter[str] = Counter()
        self.said: list[str] = []

    def strike(self, kind: str) -> bool:
        """Load, be struck at some moment, be held to the ledger; say whether it was in time."""
        process = self._start()
        time.sleep(self.chance.uniform(0, self.ground.seconds * 0.7))
        in_time = process.poll() is None
        if in_time:
            getattr(self, f"_strike_{kind}")(process)
        said, trouble = process.communicate(timeout=PATIENCE_SECONDS)
        if kind == "server" and in_time:
            self.ground.server.launch()
        self.said.append(f"{kind}: {said.strip()}")
        cut = process.returncode != 0
        assert in_time or not cut, (said, trouble)
        self.landed[kind] += cut
        self.check_agreement()
        assert process.returncode in {0, REFUSED, -signal.SIGKILL}, trouble
        return cut

    def finish(self) -> None:
        """Run the same load to its end, and hold everything to the oracle."""
        process = self._start()
        said, trouble = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, (said, trouble)
        ground = self.ground
        assert outcome(self.destination) == ground.truth
        assert dump.fingerprint(ground.source) == ground.source_print
        with connect(self.destination) as session:
            assert catalog.read(session).shape() == ground.shape
        plan = open_plan(MAPPING, ground.source, self.destination)
        assert verify(plan, ground.source, self.destination).reasons() == []
        again = load.load(plan, ground.source, self.destination, chunk_rows=ground.chunk_rows)
        assert not again.changed
        self.check_agreement()

    def check_agreement(self) -> None:
        """Hold the ledger in the destination against its rows, seen at one moment."""
        with reading(self.destination, name="destination") as session:
            if not session.execute("select to_regclass('_migration.run')").fetchone()[0]:
                self._check_untouched(session)
                return
            begun = session.execute("select count(*) from _migration.run").fetchone()[0]
            if not begun:
                self._check_untouched(session)
                return
            assert count(session, "_migration.replaced") == len(self.ground.truth["replaced"])
            for table in self.ground.plan.tables:
                self._check_table(session, table)
            for name, rebuilt, there in session.execute(DEFINITIONS):
                assert rebuilt == there, f"{name}: rebuilt {rebuilt}, there {there}"

    def _check_untouched(self, session) -> None:
        for table in self.ground.plan.tables:
            if table.replace is None:
                assert count(session, table.target) == 0

    def _check_table(self, session, table) -> None:
        rows = session.execute(
            "select number, lower, upper, loaded_at is not null, rows, hash_0, hash_1, "
            "quarantined, adjusted from _migration.chunk where table_name = %s order by number",
            [table.name],
        ).fetchall()
        assert rows, f"no chunk of {table.name} is on record, and the run is"
        recorded = 0
        for number, lower, upper, loaded, held, hash_0, hash_1, *aside in rows:
            chunk = Chunk(table.name, number, lower, upper)
            there = chunks.target_sums(session, table, chunk, text=self.ground.plan.text_hashes)
            wanted = Sums(held, hash_0, hash_1) if loaded else Sums(0, "0", "0")
            assert there == wanted, f"{chunk}: {there} is there, {wanted} on record"
            recorded += held or 0
            for evidence, on_record in zip(("quarantine", "adjusted"), aside, strict=True):
                where = f"_migration.{evidence} where table_name = %s and chunk = %s"
                found = count(session, where, table.name, number)
                assert found == (on_record or 0), f"{evidence} of {chunk}"
        assert count(session, table.target) == recorded

    def _start(self) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.loader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        request = {
            "mapping": str(MAPPING),
            "source": self.ground.source,
            "destination": self.destination,
            "mode": self.mode,
            "chunk_rows": self.ground.chunk_rows,
        }
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        process.stdin = None  # `communicate` would flush it once more
        ready = process.stdout.readline()
        assert ready == "ready\n", (ready, process.communicate())
        return process

    def _strike_client(self, process: subprocess.Popen) -> None:
        os.kill(process.pid, signal.SIGKILL)

    def _strike_server(self, _process: subprocess.Popen) -> None:
        self.ground.server.crash()

    def _strike_line(self, _process: subprocess.Popen) -> None:
        """Cut the sessions on one side or on both; a session still connecting is cut later."""
        names = [psycopg.conninfo.conninfo_to_dict(url)["dbname"] for url in self._cut_sides()]
        with psycopg.connect(self.ground.server.url("postgres"), autocommit=True) as session:
            session.execute(
                f"select pg_terminate_backend(pid) {SESSIONS} and datname = any(%s)", [names]
            )

    def _cut_sides(self) -> list[str]:
        both = [self.ground.source, self.destination]
        return self.chance.choice([both, both[:1], both[1:]])


def count(session, what: str, *arguments: object) -> int:
    """Count rows."""
    return session.execute(f"select count(*) from {what}", arguments or None).fetchone()[0]


def outcome(url: str) -> dict[str, object]:
    """Return all that a load leaves, except when it happened."""
    prints = dump.fingerprint(url)
    found = {name: told for name, told in prints.items() if not name.startswith("_migration.")}
    with psycopg.connect(url) as session:
        for name, columns in EVIDENCE.items():
            query = f"select {columns} from _migration.{name}"
            found[name] = sorted(session.execute(query).fetchall(), key=repr)
        found["sequences"] = session.execute(SEQUENCES).fetchall()
        found["chunks"] = session.execute(
            "select table_name, number, lower, upper, rows, quarantined, adjusted, hash_0, hash_1 "
            "from _migration.chunk order by 1, 2"
        ).fetchall()
    return found

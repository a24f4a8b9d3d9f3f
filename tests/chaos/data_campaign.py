"""Loads that are struck while they run, held to an oracle after every blow and at the end."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg
from rehearsal.processes import group_members, signal_group
from rehearsal.seed import fill

from handrail.transfer.backup import dump
from handrail.transfer.load import chunks, load
from handrail.transfer.read.journal import Chunk, Sums
from handrail.transfer.session.asking import answered
from handrail.transfer.session.connection import connect, reading
from handrail.transfer.sql import catalog
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify.verify import verify
from tests.bench.cluster import Cluster
from tests.chaos import tally
from tests.chaos.loader import REFUSED
from tests.transfer.pair import MAPPING

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90
ORPHAN_SECONDS = 15
KINDS = ("client", "server", "line")
SESSIONS = "from pg_stat_activity where application_name = 'cutover-transfer'"
EVIDENCE = {
    "quarantine": "table_name, chunk, source_table, key, reason, row_data::text",
    "adjusted": "table_name, chunk, key, column_name, action, fault, old_value, new_value",
    "replaced": "table_name, reason, row_data::text",
}
# A chunk counts rows; a row may have several values changed.
ASIDE = {"quarantine": "*", "adjusted": "distinct key"}
# A load sets them, and never back: a server that crashes skips numbers of any that was drawn from.
SKIPPED_BY_CRASH = 32  # SEQ_LOG_VALS of PostgreSQL's src/backend/commands/sequence.c
SEQUENCES = """
select s.sequencename::text, s.last_value from pg_sequences s
where s.schemaname = 'public' and exists (
    select 1 from _migration.chunk c where s.sequencename = c.table_name || '_id_seq')
order by 1
"""
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
        self.crashed = False  # also what databases are made of skips numbers from then on
        self.chunk_rows = chunk_rows
        self.name = f"legacy_{rows}"
        self.source = server.create_database(self.name)
        fill(self.source, rows, "http://127.0.0.1:9")
        self.source_print = dump.fingerprint(self.source)
        oracle = server.create_database(f"oracle_{rows}", "django")
        with connect(oracle) as session:
            self.shape = catalog.read(session).shape()
        self.plan = open_plan(MAPPING, self.source, oracle)
        done = load.load(self.plan, self.source, oracle, chunk_rows=chunk_rows, preflighted=True)
        self.seconds = done.seconds
        self.truth = outcome(oracle)

    def life(self, mode: str, chance: random.Random, workers: int = 1) -> "Life":
        """Begin with an empty destination."""
        name = f"struck_{self.name}"
        self.server.drop_database(name)
        self.server.create_database(name, "django")
        return Life(self, self.server.url(name), mode, workers, chance)


class Loader:
    """One loading process with those it starts; what it says goes to a file, never to a pipe.

    A process that outlives its parent would keep a pipe open, and a reader waiting.
    """

    def __init__(self, life: "Life") -> None:
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end`
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.loader"],
            stdin=subprocess.PIPE,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
        request = {
            "mapping": str(MAPPING),
            "source": life.ground.source,
            "destination": life.destination,
            "mode": life.mode,
            "workers": life.workers,
            "chunk_rows": life.ground.chunk_rows,
        }
        self.process.stdin.write(json.dumps(request).encode())
        self.process.stdin.close()
        while "ready" not in self.told():
            assert self.process.poll() is None, self.told()
            time.sleep(0.01)

    def told(self) -> str:
        """Return what was said so far."""
        if self.output.closed:
            return self.said
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode()

    def end(self) -> int:
        """Wait for the end of the process and of those it started; return its status."""
        code = self.process.wait(PATIENCE_SECONDS)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while left := list(group_members(self.process.pid)):
            if time.monotonic() > deadline:
                signal_group(self.process.pid, signal.SIGKILL)
                raise AssertionError(f"{len(left)} processes outlived the load that started them")
            time.sleep(0.02)
        self.said = self.told()
        self.output.close()
        return code


class Life:
    """One destination, from empty to loaded, through any number of blows."""

    def __init__(
        self, ground: Ground, destination: str, mode: str, workers: int, chance: random.Random
    ) -> None:
        self.ground = ground
        self.destination = destination
        self.mode = mode
        self.workers = workers
        self.chance = chance
        self.landed: Counter[str] = Counter()
        self.said: list[str] = []
        self.unsaid: list[str] = []  # endings that were no refusal in words

    def strike(self, kind: str) -> bool:
        """Load, be struck at some moment, be held to the ledger; say whether it was in time."""
        loader = Loader(self)
        # later and later, so that a life of several processes comes to its end as well
        share = 0.7 + 0.05 * self.landed.total()
        time.sleep(self.chance.uniform(0, self.ground.seconds * share))
        in_time = loader.process.poll() is None
        if in_time:
            getattr(self, f"_strike_{kind}")(loader.process)
        code = loader.end()
        if kind == "server" and in_time:
            self.ground.crashed = True
            self.ground.server.launch()
        cut = code != 0
        assert in_time or not cut, loader.told()
        self.landed[kind] += cut
        self.said.append(f"{kind}: {code}")
        self.check_agreement()
        if code not in {0, REFUSED, -signal.SIGKILL} or "Traceback" in loader.told():
            self.unsaid.append(loader.told())
        return cut

    def finish(self) -> None:
        """Run the same load to its end, and hold everything to the oracle."""
        loader = Loader(self)
        assert loader.end() == 0, loader.told()
        ground = self.ground
        there = outcome(self.destination)
        differing = [
            f"{name}: {there.get(name)} is there, {wanted} without a blow"
            for name, wanted in ground.truth.items()
            if not self._is_as_wanted(name, there.get(name), wanted)
        ]
        tally.count("data", kills=self.landed.total(), losses=len(differing))
        self.landed.clear()
        assert not differing, differing
        assert dump.fingerprint(ground.source) == ground.source_print
        with connect(self.destination) as session:
            assert catalog.read(session).shape() == ground.shape
        plan = open_plan(MAPPING, ground.source, self.destination)
        assert verify(plan, ground.source, self.destination).reasons() == []
        again = load.load(plan, ground.source, self.destination, chunk_rows=ground.chunk_rows)
        assert not again.changed
        self.check_agreement()

    def _is_as_wanted(self, name: str, there: object, wanted: object) -> bool:
        if name != "sequences" or not self.ground.crashed:
            return there == wanted
        found = dict(there)
        return found.keys() == dict(wanted).keys() and all(
            0 <= found[sequence] - number <= SKIPPED_BY_CRASH for sequence, number in wanted
        )

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
            "select number, lower, upper, loaded_at is not null, rows, hash_sum, "
            "quarantined, adjusted from _migration.chunk where table_name = %s order by number",
            [table.name],
        ).fetchall()
        assert rows, f"no chunk of {table.name} is on record, and the run is"
        recorded = 0
        for number, lower, upper, loaded, held, hash_sum, *aside in rows:
            chunk = Chunk(table.name, number, lower, upper, held or 0)
            there = answered(
                chunks.target_sums(session, table, chunk, text=self.ground.plan.text_hashes)
            )
            wanted = Sums(held, hash_sum) if loaded else Sums(0, "0")
            assert there == wanted, f"{chunk}: {there} is there, {wanted} on record"
            recorded += held or 0
            for (evidence, what), on_record in zip(ASIDE.items(), aside, strict=True):
                found = session.execute(
                    f"select count({what}) from _migration.{evidence} "
                    "where table_name = %s and chunk = %s",
                    [table.name, number],
                ).fetchone()[0]
                assert found == (on_record or 0), f"{evidence} of {chunk}: {found} are there"
        assert count(session, table.target) == recorded

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


def count(session, what: str) -> int:
    """Count rows."""
    return session.execute(f"select count(*) from {what}").fetchone()[0]


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
            "select table_name, number, lower, upper, rows, quarantined, adjusted, hash_sum "
            "from _migration.chunk order by 1, 2"
        ).fetchall()
    return found

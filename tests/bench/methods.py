"""Everything that is measured each round: our operations and what each is held against."""

from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.bench import anchors
from tests.bench.measure import Figures, say, told
from tests.bench.places import Places, run

BIG = "attendance_records"
WIDE = "audit_logs"
NAIVE_ROWS = 20_000
MANY_CHUNK_ROWS = 1000
DAMAGES = (
    f"update {BIG} set time_in = time '03:33' where id = {{0}} / 3",
    f"delete from {BIG} where id = {{0}} / 2",
    (
        f"insert into {BIG} (id, training_day_id, cadet_id, status, created_at) "
        f"select {{0}} + 1, training_day_id, (select max(id) from cadets), 'present', now() "
        f"from {BIG} where id = 1"
    ),
)


class Methods:
    """The methods of one run, each a call that returns its seconds."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.figures = Figures()
        self.peaks: dict[str, int] = {}
        self.named: dict[str, set[str]] = {}
        self.damaged: set[str] = set()
        self.chunks = 0
        self.loaded_rows = 0
        self.targets = [found.name for found in places.plan.tables]
        self.sources = list(dict.fromkeys(found.source for found in places.plan.tables))
        self.programs = places.server.binaries
        self.legacy = places.url("legacy")

    def prepare(self) -> None:
        """Write the files that are read back, damage a copy, load one in very many chunks."""
        say("preparing files, a damaged copy and a load of very many chunks")
        with told("preparing"):
            self.ours("write_files", "django", directory=str(self.path("export")))
            anchors.copy_out(self.programs, self.places.plan, self.legacy, self.path("copied"))
            self.places.fresh("keyed", "loaded")
            self.places.tell("keyed", f"truncate {BIG}")
            self.places.fresh("many")
            done = self.ours("load_all", "many", chunk_rows=MANY_CHUNK_ROWS)
            self.chunks, self.loaded_rows = done["chunks"], done["rows"]
            with psycopg.connect(self.places.url("loaded")) as session:
                highest = session.execute(f"select max(id) from {BIG}").fetchone()[0]
            self.places.fresh("damaged", "loaded")
            self.places.tell("damaged", *(damage.format(highest) for damage in DAMAGES))
            self.damaged = {str(highest // 3), str(highest // 2), str(highest + 1)}
            self.places.tell("damaged", "vacuum analyze")

    def path(self, name: str) -> Path:
        """Return a directory of the run."""
        return self.places.directory / name

    def ours(self, name: str, destination: str, **given: object) -> dict:
        """Run one of our operations from the legacy database to another."""
        done = self.places.work(name, "legacy", destination, **given)
        self.peaks[name] = max(self.peaks.get(name, 0), done["peak_bytes"])
        return done

    def by_name(self) -> dict[str, Callable[[], float]]:
        """Return what can be measured here, each beside what it is held against."""
        methods = {
            "COPY text, longest table": lambda: self.raw([BIG], "text"),
            "stream, longest table": lambda: self.stream([BIG]),
            "mapped COPY, longest table": self.mapped,
            "COPY binary, longest table": lambda: self.raw([BIG], "binary"),
            "COPY text, widest table": lambda: self.raw([WIDE], "text"),
            "stream, widest table": lambda: self.stream([WIDE]),
            "COPY binary, widest table": lambda: self.raw([WIDE], "binary"),
            "COPY text, all": lambda: self.raw(self.sources, "text"),
            "stream, all": lambda: self.stream(self.targets),
            "COPY binary, all": lambda: self.raw(self.sources, "binary"),
            "dump and restore": self.dump_and_restore,
            "dump -Z0 and restore": lambda: self.dump_and_restore("-Z0"),
            "dump -Z0, restore, check": self.dump_restore_and_check,
            "load": lambda: self.load(1),
            "load by 2": lambda: self.load(2),
            "pgcopydb": lambda: self.clone(anchors.pgcopydb),
            "pgloader": lambda: self.clone(anchors.pgloader),
            "export": lambda: self.timed("write_files", "django", directory=self.text("exported")),
            "COPY to files": self.copy_out,
            "import": self.read_files,
            "COPY from files": self.copy_in,
            "row hashes": lambda: self.timed("hold", "loaded", tables=self.targets),
            "pin-point": self.pin_point,
            "reladiff": self.reladiff,
            "per-row INSERT": self.insert_each,
            "load again": lambda: self.timed("load_all", "many", chunk_rows=MANY_CHUNK_ROWS),
            "preflight": lambda: self.timed("look", "django"),
            "verify": lambda: self.timed("prove", "loaded"),
        }
        missing = [n for n in ("pgcopydb", "pgloader", "reladiff") if not anchors.available(n)]
        for name in missing:
            say(f"{name}: not installed")
        return {name: call for name, call in methods.items() if name not in missing}

    def text(self, name: str) -> str:
        """Return a directory of the run as text."""
        return str(self.path(name))

    def timed(self, name: str, destination: str, **given: object) -> float:
        """Return the seconds of one of our operations."""
        return self.ours(name, destination, **given)["seconds"]

    def raw(self, tables: list[str], form: str) -> float:
        """COPY into COPY, unmapped."""
        pairs = [(f"public.{table}", f"public.{table}") for table in tables]
        return anchors.copy_through(
            self.programs, self.legacy, self.places.emptied("raw_heap"), pairs, form
        )

    def mapped(self) -> float:
        """COPY of the mapping's own SELECT into COPY."""
        table = self.places.plan.table(BIG)
        pairs = [(f"({table.rows()})", f"{table.target} ({table.names})")]
        return anchors.copy_through(
            self.programs, self.legacy, self.places.emptied("django_heap"), pairs, "binary"
        )

    def stream(self, tables: list[str]) -> float:
        """Mapped rows into bare tables."""
        self.places.emptied("django_heap")
        return self.timed("stream", "django_heap", tables=tables)

    def dump_and_restore(self, *options: str) -> float:
        """Dump the Django-shaped database and restore it elsewhere."""
        seconds = self.restored(*options)
        self.places.server.drop_database("restored")
        return seconds

    def dump_restore_and_check(self) -> float:
        """Dump and restore, gather statistics, hash every row of both: what a load of ours does."""
        sides = [self.places.url(name) for name in ("shaped", "restored")]
        seconds = self.restored("-Z0")
        seconds += anchors.analyze_and_hash(self.programs, sides, self.targets)
        self.places.server.drop_database("restored")
        return seconds

    def restored(self, *options: str) -> float:
        """Dump and restore; return the seconds."""
        return anchors.dump_and_restore(
            self.programs,
            self.places.url("shaped"),
            self.places.fresh("restored", None),
            self.path("dump"),
            *options,
        )

    def load(self, workers: int) -> float:
        """Load a fresh destination, keys, indexes and sequences included."""
        self.places.fresh("target")
        seconds = self.timed("load_all", "target", workers=workers)
        self.places.server.drop_database("target")
        return seconds

    def clone(self, tool: Callable[..., float]) -> float:
        """Let another tool copy the Django-shaped database."""
        seconds = tool(
            self.programs,
            self.places.url("shaped"),
            self.places.fresh("cloned", None),
            self.path("tool"),
        )
        self.places.server.drop_database("cloned")
        return seconds

    def copy_out(self) -> float:
        """COPY the same mapped rows to files."""
        return anchors.copy_out(self.programs, self.places.plan, self.legacy, self.path("copies"))

    def read_files(self) -> float:
        """Read the files of an export into bare tables."""
        self.places.emptied("django_heap")
        return self.timed("read_files", "django_heap", directory=self.text("export"))

    def copy_in(self) -> float:
        """COPY files of the same rows into bare tables."""
        url = self.places.emptied("django_heap")
        return anchors.copy_in(self.programs, self.places.plan, url, self.path("copied"))

    def pin_point(self) -> float:
        """Find three damaged rows."""
        done = self.ours("hold", "damaged", tables=[BIG])
        self.named["pin-point"] = {key for _, key in done["differences"]}
        return done["seconds"]

    def reladiff(self) -> float:
        """Let reladiff find them between two tables that are alike."""
        done = run(
            "reladiff",
            first=self.places.url("loaded"),
            second=self.places.url("damaged"),
            table=BIG,
        )
        self.named["reladiff"] = set(done["keys"])
        return done["seconds"]

    def insert_each(self) -> float:
        """Insert rows one by one into live keys; take them away again out of the clock."""
        done = self.ours("insert_each", "keyed", rows=NAIVE_ROWS)
        self.places.tell("keyed", f"truncate {BIG}")
        self.figures.add("INSERT s/row", done["seconds"] / done["rows"])
        return done["seconds"]

"""Few rows far away: our load and its verification against PostgreSQL's own programs, at 80 ms."""

from rehearsal.distance import Distance

from tests.bench import anchors, rows
from tests.bench.measure import Figures, Gate, Line, interleave, say, seconds
from tests.bench.places import Places, run
from tests.transfer.pair import MAPPING

ROWS = 3000
ONE_WAY_SECONDS = 0.04
ANCHOR = "dump and restore"
# quantity, ours, bound of the time by `pg_dump -Fd -j2` and `pg_restore -j2` of the same
TIMES = (
    ("load", "load", 0.5),
    ("load and whole verification", "load and verify", 1.0),
    ("preflight", "preflight", None),
    ("export", "export", None),
)


class Far:
    """Databases behind a way of 40 ms, and what was measured over it."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.figures = Figures()

    def run(self, rounds: int) -> list[Line]:
        """Fill a small database, measure in turn; return the lines."""
        say(f"making {ROWS:,} rows to look at from far away")
        if self.places.plan is None:
            self.places.make_empty()
        self.places.fill("near_legacy", rows.counts(ROWS))
        self.places.load_once("near_loaded", "near_legacy")
        self.places.fresh("near_shaped", "near_loaded")
        self.places.tell("near_shaped", "drop schema _migration cascade", "vacuum analyze")
        with Distance(self.places.server.port, ONE_WAY_SECONDS) as way:
            methods = {
                "load": lambda: self.load(way),
                "load and verify": lambda: self.load(way) + self.ours(way, "verify", "near_loaded"),
                "preflight": lambda: self.ours(way, "preflight", "django"),
                "export": lambda: self.ours(way, "export", "django"),
                ANCHOR: lambda: self.dump_and_restore(way),
            }
            interleave(methods, rounds, self.figures)
        return self.times()

    def load(self, way: Distance) -> float:
        """Load a fresh destination, keys, indexes and sequences included."""
        self.places.fresh("target")
        spent = self.ours(way, "load", "target")
        self.places.server.drop_database("target")
        return spent

    def ours(self, way: Distance, name: str, destination: str) -> float:
        """Run one of our operations over the way; compiling the mapping is not in its seconds."""
        works = {
            "load": "load_all",
            "verify": "prove",
            "preflight": "look",
            "export": "write_files",
        }
        more = {"export": {"directory": str(self.places.directory / "far")}, "load": {"workers": 2}}
        urls = {
            key: way.url(self.places.url(database))
            for key, database in (("source", "near_legacy"), ("destination", destination))
        }
        given = {"mapping": str(MAPPING), "shape": self.places.url("django")} | urls
        return run(works[name], **given, **more.get(name, {}))["seconds"]

    def dump_and_restore(self, way: Distance) -> float:
        """Dump the Django-shaped database and restore it elsewhere."""
        self.places.fresh("restored", None)
        spent = anchors.dump_and_restore(
            self.places.server.binaries,
            way.url(self.places.url("near_shaped")),
            way.url(self.places.url("restored")),
            self.places.directory / "far-dump",
        )
        self.places.server.drop_database("restored")
        return spent

    def times(self) -> list[Line]:
        """Compare times with those of PostgreSQL's own programs."""
        theirs = seconds(self.figures.median(ANCHOR))
        return [
            Line(
                f"at 80 ms, {quantity} of {ROWS:,} rows, time by pg_dump and pg_restore",
                seconds(self.figures.median(ours)),
                theirs,
                tuple(self.figures.paired(ours, ANCHOR)),
                None if bound is None else Gate(bound, at_least=False),
            )
            for quantity, ours, bound in TIMES
        ]

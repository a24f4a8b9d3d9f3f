"""Ten million rows against one: the same time for a row, and no more memory."""

from tests.bench import rows
from tests.bench.measure import Figures, Gate, Line, interleave, say, seconds
from tests.bench.places import Places

SIZES = {"1M": 1_000_000, "10M": 10_000_000}
OTHER_ROWS = 2_000_000  # both have the other tables of a database of this size
BIG = "attendance_records"


class Large:
    """The databases of both sizes, and what was measured on them."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.figures = Figures()
        self.peaks: dict[tuple[str, str], int] = {}

    def run(self, rounds: int) -> list[Line]:
        """Fill both, measure in turn; return the lines."""
        say("making the databases of 1 and 10 million attendance records")
        for size, number in SIZES.items():
            self.places.fill(f"legacy_{size}", rows.counts(OTHER_ROWS // 100, number))
        methods = {}
        for kind in ("stream", "load"):
            for size in SIZES:
                methods[f"{kind} {size}"] = lambda kind=kind, size=size: self.measure(kind, size)
        interleave(methods, rounds, self.figures)
        return [*self.times(), *self.memory()]

    def measure(self, kind: str, size: str) -> float:
        """Stream the big table, or load everything."""
        source = f"legacy_{size}"
        if kind == "stream":
            self.places.emptied("django_heap")
            done = self.places.work("stream", source, "django_heap", tables=[BIG])
        else:
            self.places.fresh("target")
            done = self.places.work("load_all", source, "target")
            self.places.server.drop_database("target")
        self.peaks[kind, size] = max(self.peaks.get((kind, size), 0), done["peak_bytes"])
        return done["seconds"]

    def times(self) -> list[Line]:
        """Compare the time of one row."""
        grown = SIZES["10M"] / SIZES["1M"]
        found = []
        for kind in ("stream", "load"):
            small, big = f"{kind} 1M", f"{kind} 10M"
            ratios = tuple(ratio / grown for ratio in self.figures.paired(big, small))
            found.append(
                Line(
                    f"{kind}, time for a row at 10M by 1M",
                    seconds(self.figures.median(big)),
                    seconds(self.figures.median(small)),
                    ratios,
                    Gate(1.15, at_least=False),
                )
            )
        return found

    def memory(self) -> list[Line]:
        """Compare the peaks: flat is within a tenth."""
        found = []
        for kind in ("stream", "load"):
            small, big = self.peaks[kind, "1M"], self.peaks[kind, "10M"]
            found.append(
                Line(
                    f"{kind}, peak memory at 10M by 1M",
                    f"{big / 1024 / 1024:.0f} MB",
                    f"{small / 1024 / 1024:.0f} MB",
                    (big / small,),
                    Gate(1.1, at_least=False),
                )
            )
        return found

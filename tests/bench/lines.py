"""The lines of the table, with the gates that hold."""

from tests.bench.measure import Gate, Line, seconds
from tests.bench.methods import Methods

WORKER_BYTES = 150 * 1024 * 1024
# quantity, ours, anchor, whether it is a speed (anchor by ours) or a time (ours by anchor), bound
PAIRS = (
    ("mapped stream, longest table, speed by COPY text", "stream, longest table",
     "COPY text, longest table", "speed", 0.85),
    ("mapped stream, longest table, speed by COPY binary", "stream, longest table",
     "COPY binary, longest table", "speed", 0.60),
    ("mapped stream, longest table, speed by psql with the same SELECT", "stream, longest table",
     "mapped COPY, longest table", "speed", 0.85),
    ("mapped stream, widest table, speed by COPY text", "stream, widest table",
     "COPY text, widest table", "speed", 0.85),
    ("mapped stream, widest table, speed by COPY binary", "stream, widest table",
     "COPY binary, widest table", "speed", 0.60),
    ("mapped stream, whole database, speed by COPY text", "stream, all", "COPY text, all",
     "speed", 0.85),
    ("mapped stream, whole database, speed by COPY binary", "stream, all", "COPY binary, all",
     "speed", 0.75),
    ("complete load by 2 processes, time by pg_dump -Fd -j2 and pg_restore -j2", "load by 2",
     "dump and restore", "time", 1.25),
    ("complete load by 2 processes, time by the same uncompressed (-Z0)", "load by 2",
     "dump -Z0 and restore", "time", 1.25),
    ("complete load by 2 processes, time by -Z0, ANALYZE and row hashes", "load by 2",
     "dump -Z0, restore, check", "time", 1.25),
    ("complete load by 2 processes, time by pgcopydb", "load by 2", "pgcopydb", "time", 0.9),
    ("complete load by 2 processes, time by pgloader", "load by 2", "pgloader", "time", 1.25),
    ("complete load by 2 processes, speed by 1 process", "load by 2", "load", "speed", None),
    ("NDJSON export, speed by COPY to files", "export", "COPY to files", "speed", 0.30),
    ("NDJSON import, speed by COPY from files", "import", "COPY from files", "speed", 0.45),
    ("row hashes of both sides, time by complete load", "row hashes", "load by 2", "time", 0.60),
    ("pin-point 3 damaged rows, time by reladiff", "pin-point", "reladiff", "time", 0.50),
    ("preflight, time by complete load", "preflight", "load by 2", "time", None),
    ("whole verification, time by complete load", "verify", "load by 2", "time", 1.0),
)  # fmt: skip


def lines(methods: Methods) -> list[Line]:
    """Return every line of a run."""
    figures = methods.figures
    found = []
    for quantity, ours, anchor, kind, bound in PAIRS:
        mine = seconds(figures.median(ours))
        if not figures.have(anchor):
            found.append(Line(quantity, mine, "", note=f"{anchor} is not installed"))
            continue
        above, below = (anchor, ours) if kind == "speed" else (ours, anchor)
        gate = None if bound is None else Gate(bound, at_least=kind == "speed")
        ratios = tuple(figures.paired(above, below))
        found.append(Line(quantity, mine, seconds(figures.median(anchor)), ratios, gate))
    return [*found, *_named(methods), _naive(methods), _again(methods), *_memory(methods)]


def _named(methods: Methods) -> list[Line]:
    """Count the damages that were named, and nothing else was."""
    found = []
    for name, keys in methods.named.items():
        share = len(keys & methods.damaged) / max(len(keys | methods.damaged), 1)
        gate = Gate(1, at_least=True) if name == "pin-point" else None
        named = f"{len(keys & methods.damaged)} of {len(methods.damaged)}"
        found.append(Line(f"damages named by {name}", named, "", (share,), gate))
    return found


def _naive(methods: Methods) -> Line:
    """Compare rows a second: a complete load, against one statement a row."""
    figures = methods.figures
    ratios = tuple(
        each * methods.loaded_rows / load
        for each, load in zip(
            figures.by_name["INSERT s/row"], figures.by_name["load by 2"], strict=True
        )
    )
    ours = f"{methods.loaded_rows / figures.median('load by 2'):,.0f} rows/s"
    theirs = f"{1 / figures.median('INSERT s/row'):,.0f} rows/s"
    return Line(
        "complete load, rows/s by per-row INSERT", ours, theirs, ratios, Gate(50, at_least=True)
    )


def _again(methods: Methods) -> Line:
    """Tell what it costs to find out that everything is done."""
    spent = methods.figures.by_name["load again"]
    ratios = tuple(number * 1000 / methods.chunks for number in spent)
    ours = f"{seconds(methods.figures.median('load again'))} for {methods.chunks} chunks"
    return Line(
        "finished load run again, s per 1000 chunks", ours, "", ratios, Gate(1, at_least=False)
    )


def _memory(methods: Methods) -> list[Line]:
    """Give the highest peak of each operation, as a share of what it may use."""
    return [
        Line(
            f"peak memory of `{name}`, by 150 MB",
            f"{peak / 1024 / 1024:.0f} MB",
            "150 MB",
            (peak / WORKER_BYTES,),
            Gate(1, at_least=False),
        )
        for name, peak in sorted(methods.peaks.items())
        if name in {"stream", "load_all", "write_files", "read_files", "hold"}
    ]

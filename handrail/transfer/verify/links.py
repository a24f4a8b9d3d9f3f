"""Ask for the files that rows point to, and tell alive, dead, relative and unanswered apart.

A file that was gone before the migration is not lost by it: what counts is that every address of
the source is on the destination, and that none that was alive has died.
"""

import itertools
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from threading import local
from typing import Any, Self

import requests

from handrail.transfer.session.asking import Line, Question, answered
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan

ALIVE, DEAD, RELATIVE, UNANSWERED = "alive", "dead", "relative", "unanswered"
UNASKED = "unasked"  # the time that was allowed was over
KINDS = (ALIVE, DEAD, RELATIVE, UNANSWERED, UNASKED)
TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3
HTTP_ERRORS = 400
SCHEMES = ("http://", "https://")
WORKERS = 8
# Answers of a server that dislikes HEAD, or that is busy, say nothing of the file.
ASK_AGAIN = {403, 405, 429, 500, 501, 502, 503, 504}


@dataclass(frozen=True)
class Link:
    """One address with what became of it; `status` is None without an answer."""

    url: str
    kind: str
    status: int | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class LinkReport:
    """Every address of one side."""

    links: tuple[Link, ...]

    def counts(self) -> dict[str, int]:
        """Count the addresses of each kind."""
        kinds = [link.kind for link in self.links]
        return {kind: kinds.count(kind) for kind in KINDS}

    def of(self, *kinds: str) -> set[str]:
        """Return the addresses of some kinds."""
        return {link.url for link in self.links if link.kind in kinds}

    def as_json(self) -> list[dict[str, object]]:
        """Return plain data for a file."""
        return [asdict(link) for link in self.links]

    @classmethod
    def from_json(cls, stored: list[dict[str, Any]]) -> Self:  # Any: JSON
        """Read back what `as_json` gave."""
        return cls(tuple(Link(**each | {"columns": tuple(each["columns"])}) for each in stored))


def collect(plan: Plan, session: Connection, *, source: bool) -> dict[str, set[str]]:
    """Return each address in a column declared `link`, with the columns that hold it."""
    return answered(collecting(plan, session, source=source))


def collecting(plan: Plan, session: Connection, *, source: bool) -> Line[dict[str, set[str]]]:
    """Collect addresses beside other questions; see `collect`."""
    linked = list(_linked(plan))
    answers = yield [
        Question(session, _texts_of(table, column, source=source)) for table, column in linked
    ]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for (table, column), texts in zip(linked, answers, strict=True):
        for url in itertools.chain.from_iterable(addresses(text) for (text,) in texts):
            found[url].add(f"{table.name}.{column.name}")
    return dict(found)


def _linked(plan: Plan) -> Iterator[tuple[TablePlan, ColumnPlan]]:
    for table in plan.tables:
        for column in table.columns:
            if column.rule.link:
                yield table, column


def _texts_of(table: TablePlan, column: ColumnPlan, *, source: bool) -> str:
    """Return a SELECT of the different values of a column; an array comes as JSON."""
    read = column.sql if source else column.target
    rows = f"{table.target_rows} where true"
    if source:
        rows = f"{table.relation()} where {table.kept()}"
    shown = f"to_json({read})" if column.type.endswith("[]") else f"({read})"
    return f"select distinct {shown}::text from {rows} and {read} is not null"


def addresses(text: str) -> list[str]:
    """Return the addresses in one value: a single one, or all that stand in JSON.

    Of an object, as an upload's own answer or a list of attachments, only what begins like one.
    """
    stripped = text.strip()
    if not stripped.startswith(("[", "{")):
        return [stripped] if stripped else []
    try:
        return list(filter(None, map(str.strip, _strings(json.loads(stripped)))))
    except ValueError:
        return [stripped]


def _strings(data: object, *, named: bool = False) -> Iterator[str]:
    """Yield the texts of a list, and those of an object (`named`) that are addresses."""
    if isinstance(data, str):
        if _counts(data, named=named):
            yield data
    elif isinstance(data, list):
        for each in data:
            yield from _strings(each, named=named)
    elif isinstance(data, dict):
        for each in data.values():
            yield from _strings(each, named=True)


def _counts(text: str, *, named: bool) -> bool:
    return not named or text.strip().lower().startswith(SCHEMES)


def check(
    found: dict[str, set[str]],
    *,
    workers: int = WORKERS,
    timeout_seconds: float = TIMEOUT_SECONDS,
    attempts: int = ATTEMPTS,
    within_seconds: float = math.inf,
    on_answer: Callable[[int], None] | None = None,
) -> LinkReport:
    """Ask for each address, a bounded number at a time.

    Args:
        found: Addresses as `collect` gives them.
        workers: How many are asked for at once.
        timeout_seconds: How long one answer may take.
        attempts: How often an address without a clear answer is asked for.
        within_seconds: Longest time for all of it; what is left then is not asked for.
        on_answer: Called with how many addresses are done, after each.
    """
    sessions = local()
    until = time.monotonic() + within_seconds

    def ask(url: str) -> Link:
        if time.monotonic() > until:
            return Link(url, UNASKED, None, tuple(sorted(found[url])))
        if not hasattr(sessions, "session"):
            sessions.session = requests.Session()
        kind, status = _ask(sessions.session, url, timeout_seconds, attempts)
        return Link(url, kind, status, tuple(sorted(found[url])))

    links = []
    with ThreadPoolExecutor(workers) as pool:
        for link in pool.map(ask, sorted(found)):
            links.append(link)
            if on_answer is not None:
                on_answer(len(links))
    return LinkReport(tuple(links))


def _ask(
    session: requests.Session, url: str, timeout: float, attempts: int
) -> tuple[str, int | None]:
    if not url.lower().startswith(SCHEMES):
        return RELATIVE, None
    status: int | None = None
    for method in ("HEAD", *["GET"] * (attempts - 1)):
        status = _status(session, method, url, timeout)
        if status is not None and status not in ASK_AGAIN:
            return (ALIVE if status < HTTP_ERRORS else DEAD), status
    return (DEAD if status in {403, 405} else UNANSWERED), status


def _status(session: requests.Session, method: str, url: str, timeout: float) -> int | None:
    """Return the status of an answer; None where none came."""
    try:
        with session.request(
            method, url, timeout=timeout, allow_redirects=True, stream=True
        ) as answer:
            return answer.status_code
    except (requests.RequestException, ValueError):
        return None


def lost(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Return the addresses of the source that are not on the destination."""
    return sorted(set(before) - set(after))


def died(before: LinkReport | None, after: LinkReport) -> Sequence[str]:
    """Return the addresses that answered before and do not any more."""
    if before is None:
        return []
    return sorted(before.of(ALIVE) & (after.of(DEAD) | after.of(UNANSWERED)))

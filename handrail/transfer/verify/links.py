"""Ask for the files that rows point to, and tell alive, dead, relative and unanswered apart.

A file that was gone before the migration is not lost by it: what counts is that every address of
the source is on the destination, and that none that was alive has died.
"""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import local

import requests

from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

ALIVE, DEAD, RELATIVE, UNANSWERED = "alive", "dead", "relative", "unanswered"
TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3
HTTP_ERRORS = 400
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
        return {kind: kinds.count(kind) for kind in (ALIVE, DEAD, RELATIVE, UNANSWERED)}

    def of(self, kind: str) -> set[str]:
        """Return the addresses of one kind."""
        return {link.url for link in self.links if link.kind == kind}


def collect(plan: Plan, session: Connection, *, source: bool) -> dict[str, set[str]]:
    """Return each address in a column declared `link`, with the columns that hold it."""
    found: dict[str, set[str]] = {}
    for table in plan.tables:
        for column in table.columns:
            if not column.rule.link:
                continue
            read = column.sql if source else column.target
            rows = (
                f"{table.relation()} where {table.kept()}"
                if source
                else f"{table.target_rows} where true"
            )
            for (text,) in session.execute(
                f"select distinct ({read})::text from {rows} and {read} is not null"
            ):
                for url in addresses(text):
                    found.setdefault(url, set()).add(f"{table.name}.{column.name}")
    return found


def addresses(text: str) -> list[str]:
    """Return the addresses in one value: a single one, or a JSON list of them."""
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            listed = json.loads(stripped)
        except ValueError:
            return [stripped]
        return [item.strip() for item in listed if isinstance(item, str) and item.strip()]
    return [stripped] if stripped else []


def check(
    found: dict[str, set[str]],
    *,
    workers: int = WORKERS,
    timeout_seconds: float = TIMEOUT_SECONDS,
    attempts: int = ATTEMPTS,
) -> LinkReport:
    """Ask for each address, a bounded number at a time.

    Args:
        found: Addresses as `collect` gives them.
        workers: How many are asked for at once.
        timeout_seconds: How long one answer may take.
        attempts: How often an address without a clear answer is asked for.
    """
    sessions = local()

    def ask(url: str) -> Link:
        if not hasattr(sessions, "session"):
            sessions.session = requests.Session()
        kind, status = _ask(sessions.session, url, timeout_seconds, attempts)
        return Link(url, kind, status, tuple(sorted(found[url])))

    with ThreadPoolExecutor(workers) as pool:
        return LinkReport(tuple(pool.map(ask, sorted(found))))


def _ask(
    session: requests.Session, url: str, timeout: float, attempts: int
) -> tuple[str, int | None]:
    if not url.lower().startswith(("http://", "https://")):
        return RELATIVE, None
    status: int | None = None
    for attempt in range(attempts):
        method = "HEAD" if attempt == 0 else "GET"
        try:
            with session.request(
                method, url, timeout=timeout, allow_redirects=True, stream=True
            ) as answer:
                status = answer.status_code
        except (requests.RequestException, ValueError):
            status = None
            continue
        if status < HTTP_ERRORS:
            return ALIVE, status
        if status not in ASK_AGAIN:
            return DEAD, status
    return (DEAD if status in {403, 405} else UNANSWERED), status


def lost(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Return the addresses of the source that are not on the destination."""
    return sorted(set(before) - set(after))


def died(before: LinkReport | None, after: LinkReport) -> Sequence[str]:
    """Return the addresses that answered before and do not any more."""
    if before is None:
        return []
    return sorted(before.of(ALIVE) & (after.of(DEAD) | after.of(UNANSWERED)))

"""The files that rows point to: asked for before the freeze and after the switch, never between."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from handrail.clients import private_folder
from handrail.clients.postgres import Database
from handrail.engine import FROM_RUN, FROM_TARGET, Finding, fails, gate, holds, say
from handrail.transfer.session.connection import connect, reading
from handrail.transfer.verify import links
from handrail.transfer.verify.links import LinkReport

from .evidence import LINKED
from .rows import opened

SHOWN = 5  # addresses in a message; the file has all
SAY_EVERY_SECONDS = 10.0


@gate(
    fix="read the file it names; bring the files back, or declare in `linked_files` of the "
    "inventory how many may be dead, or a longer time"
)
def files_answer(
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    linked_files: Mapping[str, float] = FROM_TARGET,
    ask_for_files: bool = FROM_TARGET,  # noqa: FBT001  passed by its name
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
) -> Finding:
    """The files that the legacy rows point to answer, but for a declared number."""
    if not ask_for_files:
        return holds(asked=False)
    plan = opened(mapping, source, destination)
    with reading(source.url.reveal()) as session:
        found = links.collect(plan, session, source=True)
    report = asked(found, linked_files)
    place = Path(directory) / run / LINKED
    private_folder.write(place, json.dumps(report.as_json(), indent=1))
    left, dead = report.of(links.UNASKED), report.of(links.DEAD, links.UNANSWERED)
    if left:
        seconds = linked_files["within_seconds"]
        return fails(f"{len(left)} of {len(found)} were not asked for within {seconds:g} s")
    if len(dead) > linked_files["max_dead"]:
        return fails(
            f"{len(dead)} of {len(found)} do not answer, {linked_files['max_dead']:g} may not, "
            f"{examples(dead)}; all of it is in {place}"
        )
    return holds(files=report.counts(), report=str(place))


@gate(fix="bring those files back where they were; the rows that point to them are as before")
def files_still_answer(
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    linked_files: Mapping[str, float] = FROM_TARGET,
    ask_for_files: bool = FROM_TARGET,  # noqa: FBT001  passed by its name
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
) -> Finding:
    """Every file that answered before the freeze answers from the new rows' addresses, too."""
    if not ask_for_files:
        return holds(asked=False)
    place = Path(directory) / run / LINKED
    if not place.exists():
        return fails(f"`{place}` is not there: nobody asked before the freeze")
    before = LinkReport.from_json(json.loads(place.read_text(encoding="utf-8")))
    plan = opened(mapping, source, destination)
    with connect(destination.url.reveal(), name="destination") as session:
        now = links.collect(plan, session, source=False)
    alive = before.of(links.ALIVE)
    report = asked({url: now[url] for url in now.keys() & alive}, linked_files)
    died = sorted(report.of(links.DEAD, links.UNANSWERED))
    if left := report.of(links.UNASKED):
        return fails(f"{len(left)} of {len(alive)} were not asked for in time")
    if died:
        return fails(f"{len(died)} of {len(alive)} have died since, {examples(died)}")
    return holds(files=report.counts())


def asked(found: dict[str, set[str]], bounds: Mapping[str, float]) -> LinkReport:
    """Ask for addresses within the declared bounds, and say now and then how far it is."""
    told = time.monotonic()

    def tell(number: int) -> None:
        nonlocal told
        if time.monotonic() - told >= SAY_EVERY_SECONDS:
            say(f"{number} of {len(found)} files asked for")
            told = time.monotonic()

    return links.check(
        found,
        workers=int(bounds["workers"]),
        timeout_seconds=bounds["timeout_seconds"],
        within_seconds=bounds["within_seconds"],
        on_answer=tell,
    )


def examples(urls: set[str] | list[str]) -> str:
    """Return the first addresses, for the middle of a sentence."""
    return f"as {', '.join(sorted(urls)[:SHOWN])}"

"""`handrail doctor --every`: the plan stays evaluated until the night; what turns red is told."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import chain, count
from operator import attrgetter
from pathlib import Path
from typing import Any

from handrail.cli.examination import of_inventory, of_machine
from handrail.cli.inventory_data import hosts_of, kept_of
from handrail.cli.out import say, status_of
from handrail.clients.channels import channels
from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.clients.ready.claim import Line, NotReady, Told, ask
from handrail.engine.attempt.guarded import DAYS
from handrail.engine.proofs import Places, found_proofs, runbook_of
from handrail.ledger.entry import Event, now, timestamp
from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.location import project_of
from handrail.ledger.people import os_user
from handrail.ledger.proof import Proof, Timed
from handrail.ledger.seam import Fact, NoLedger
from handrail.transfer.read import preflight
from handrail.transfer.sql.compile import open_plan

Hosts = Mapping[str, Mapping[str, Any]]  # Any: what an inventory holds


def keep_asking(inventory: str, every_seconds: float, times: int) -> int:
    """Ask all of it again and again; keep each round in the ledger, and tell what turned.

    Args:
        inventory: The environment's file.
        every_seconds: From the start of one round to the start of the next.
        times: Rounds; 0 for no end.

    Returns:
        The exit status that the last round has.
    """
    red: Mapping[str, Line] = {}
    for number in count(1):
        began = time.monotonic()
        hosts = hosts_of(inventory)
        asked = Round(list(_lines(inventory, hosts, trial_alert=number == 1)), red)
        say(asked.told())
        sys.stdout.flush()
        _keep(inventory, hosts, asked)
        for key, each in asked.turned.items():
            _tell(hosts, key, each)
        red = asked.red
        if number == times:
            break
        time.sleep(max(every_seconds - (time.monotonic() - began), 0))
    return status_of(not red)


def _lines(inventory: str, hosts: Hosts, *, trial_alert: bool) -> Iterator[Line]:
    """Ask all of it once."""
    yield from of_machine()
    yield from of_inventory(inventory, trial_alert=trial_alert)
    rows: list[int] = []
    yield from _of_rows(hosts, rows)
    yield from _of_proof(inventory, hosts, sum(rows))


@dataclass(frozen=True)
class Round:
    """What was asked at once.

    Args:
        lines: What each claim came to.
        before: What was red in the round before.
    """

    lines: Sequence[Line]
    before: Mapping[str, Line]

    @cached_property
    def red(self) -> Mapping[str, Line]:
        """Return what is not good, by what it is about."""
        bad = [each for each in self.lines if each.told is not Told.GOOD]
        return {f"{each.about}: {each.claim}": each for each in bad}

    @property
    def good(self) -> int:
        """Return how many claims hold."""
        return len(self.lines) - len(self.red)

    @property
    def turned(self) -> dict[str, Line]:
        """Return what is red and was not."""
        return {key: each for key, each in self.red.items() if key not in self.before}

    def told(self) -> Iterator[str]:
        """Yield it in lines: how many are good, and what turned."""
        yield f"{now():%Y-%m-%d %H:%M:%S}Z  {self.good} of {len(self.lines)} good"
        yield from (f"    good again  {key}" for key in self.before if key not in self.red)
        for key, each in self.turned.items():
            yield from (f"    {each.told:<10}  {key}", f"        why:  {each.found}")
            yield f"        next: {each.fix}"


def _of_rows(hosts: Hosts, rows: list[int]) -> Iterator[Line]:
    """Hold the mapping, and every row, against the live databases; nothing is written.

    Args:
        hosts: Of the inventory.
        rows: Is told how many there are.
    """
    for host, data in hosts.items():
        if {"mapping", "source", "destination"} <= data.keys():
            look = partial(_rows_fit, data, rows)
            yield ask(f"{host}: mapping", "Every row fits, as it is now", look)


def _rows_fit(data: Mapping[str, Any], rows: list[int]) -> str:  # Any: as in Hosts
    ours, theirs = (
        Database.from_inventory(data[key]).url.reveal() for key in ("source", "destination")
    )
    found = preflight.check(open_plan(str(data["mapping"]), ours, theirs), ours, theirs)
    if not found.good:
        fix = f"handrail mapping preflight {data['mapping']} SOURCE DESTINATION"
        raise NotReady("rows do not fit", "; ".join(found.reasons())[:400], fix)
    rows.append(sum(table.moved for table in found.tables))
    return f"{rows[-1]} rows"


def _of_proof(inventory: str, hosts: Hosts, rows: int) -> Iterator[Line]:
    """Ask whether the drill is young enough, and whether a way back fits, where that is wanted."""
    said = {key: value for data in hosts.values() for key, value in data.items()}
    for claim, look in _wanted(said, rows):
        yield ask("the drill", claim, partial(_of_newest, look, inventory, said))


def _wanted(
    said: Mapping[str, Any],  # Any: as in Hosts
    rows: int,
) -> Iterator[tuple[str, Callable[[Proof], str]]]:
    """Yield what an inventory wants of a drill, and what looks whether it is so."""
    if said.get("guarded"):
        yield "It is young enough", partial(_young, said.get("proof_days", DAYS))
    if said.get("undo_minutes"):
        yield "A way back fits", partial(way_back_fits, said["undo_minutes"], rows)


def _of_newest(look: Callable[[Proof], str], inventory: str, said: Mapping[str, Any]) -> str:
    return look(_newest(inventory, said))


def _newest(inventory: str, said: Mapping[str, Any]) -> Proof:  # Any: as in Hosts
    places, signers = _places(inventory, said), said.get("signers") or {}
    plans = sorted(set(_drilled(places)))
    looked = chain.from_iterable(found_proofs(places, plan, signers) for plan in plans)
    found = [each for each in looked if isinstance(each, Proof)]
    if not found:
        fix = "handrail drill inventory/staging.py runbooks/cutover.py"
        raise NotReady("no drill proves the plan", "none is on record that came to its end", fix)
    return max(found, key=attrgetter("ended_at"))


def _places(inventory: str, said: Mapping[str, Any]) -> Places:  # Any: as in Hosts
    """Return where an inventory says that proofs are; beside its ledger where it says nothing."""
    project, named = project_of(Path(inventory).absolute().parent), said.get("proofs")
    named = (named,) if isinstance(named, str) else named
    return Places(None if named is None else tuple(named), project, kept_of(inventory, said))


def _drilled(places: Places) -> Iterator[str]:
    """Yield the runbooks that were ever drilled in some of the places."""
    for kept in places.ledgers():
        if isinstance(kept, Kept):
            yield from (run.runbook for run in kept.read().runs().newest() if run.drill)
    yield from filter(None, map(runbook_of, places.files()))


def _young(days: float, proof: Proof) -> str:
    age = now() - datetime.fromisoformat(proof.ended_at)
    told = f"{proof.drill} on {proof.environment} is {age.days} days old"
    if age > timedelta(days=days):
        raise NotReady("the drill is too old", f"{told}; {days:g} are allowed", "drill it again")
    return told


def way_back_fits(minutes: float, rows: int, proof: Proof) -> str:
    """Return what a way back takes by a drill; what carried rows then is reckoned for those of now.

    Args:
        minutes: What it may take.
        rows: How many there are now; 0 where nobody counted them.
        proof: Of the drill.

    Raises:
        NotReady: it takes longer.
    """
    more = _times_the_rows(rows, proof)
    took = sum(_seconds_back(each, more) for each in proof.tasks) / 60
    told = f"it takes {took:.1f} min by {proof.drill}, of {minutes:g} min allowed"
    told += f"; {rows} rows now, {proof.rows} then" if more != 1.0 else ""
    if took > minutes:
        raise NotReady("a way back takes too long", told, "shorten it, then drill it again")
    return told


def _times_the_rows(rows: int, proof: Proof) -> float:
    """Return how many times the rows of a drill there are; 1 where nobody counted them."""
    return rows / proof.rows if rows and proof.rows else 1.0


def _seconds_back(task: Timed, more: float) -> float:
    """Return what a task takes on the way back, with so many times the rows where it has some."""
    return (task.back or 0.0) * (more if task.rows else 1.0)


def _keep(inventory: str, hosts: Hosts, asked: Round) -> None:
    """Keep a round in the environment's ledger; what keeps that from it is told."""
    data = next(iter(hosts.values()))
    environment = str(data.get("environment", ""))
    body = {
        "good": asked.good,
        "red": [
            {"claim": key, "told": each.told, "why": each.found} for key, each in asked.red.items()
        ],
    }
    try:
        held = kept_of(inventory, data).open(environment, create=True)
        if not isinstance(held, NoLedger):
            held.append_beside([Fact(Event.DOCTOR_ASKED, "", 0, os_user(), body=body)])
    except (RunbookError, ClientError) as error:
        say([f"    not kept: {error.what}: {error.why}"])


def _tell(hosts: Hosts, key: str, line: Line) -> None:
    """Tell those whom the inventory's ``notify`` names that something turned red."""
    data = next(iter(hosts.values()))
    environment, at = str(data.get("environment", "")), timestamp(now())
    news = {
        "event": "doctor.red",
        "text": f"{key}: {line.found}",
        "at": at,
        "environment": environment,
        "run": "",
        "key": f"{environment}/doctor/{key}/{at}",
    }
    try:
        for channel in channels(data["notify"])[0] if data.get("notify") else ():
            channel.send(news)
    except ClientError as error:
        say([f"    nobody was told: {error.what}: {error.why}"])

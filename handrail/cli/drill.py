"""`handrail drill`: a plan goes forward, back and forward again; what that proves is kept."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from handrail.cli.command import data_words
from handrail.cli.inventory_data import hosts_of, kept_of
from handrail.cli.out import GOOD, NOT_GOOD, Misused, say, tell
from handrail.engine.proofs import keep
from handrail.ledger.arming import armed_in
from handrail.ledger.entry import Event, now
from handrail.ledger.kept import Kept
from handrail.ledger.location import project_of, shown
from handrail.ledger.people import os_user
from handrail.ledger.proof import LEGS, Proof, legs_of, prove
from handrail.ledger.run import Outcome, Run
from handrail.ledger.runs import Runs
from handrail.ledger.seam import Fact, NoLedger

NONE = "nothing was drilled"
PROOFS = Path("state/proofs")
HELD = 3  # how a leg ends whose armed step waits to be confirmed
DONE = (Outcome.ROLLED_BACK, Outcome.PROVEN, Outcome.PROVEN)  # what each leg comes to


@dataclass(frozen=True)
class Drill:
    """One drill: an environment, a plan, and the three commands.

    Args:
        id: What the ledger knows it by.
        kept: Where the environment's ledger is.
        inventory: The environment's file.
        runbook: The plan's.
        rollback: The runbook that puts it back.
        data: What each command is given beside, ``key=value``.
    """

    id: str
    kept: Kept
    inventory: str
    runbook: str
    rollback: str
    data: tuple[str, ...]

    def command(self, leg: int) -> list[str]:
        """Return one of the three commands."""
        given = [f"drill={self.id}", f"reason={self.id}", *self.data]
        back = LEGS[leg] == "back"
        runbook, which = (self.rollback, ["run=latest"]) if back else (self.runbook, [])
        return ["pyinfra", "-y", self.inventory, runbook, *data_words([*given, *which])]


@click.command()
@click.argument("inventory")
@click.argument("runbook")
@click.option("--rollback", default="", metavar="FILE", help="else rollback.py beside RUNBOOK")
@click.option("--key", default="", metavar="FILE", help="the SSH key that signs the proof")
@click.option("--data", multiple=True, metavar="KEY=VALUE", help="for each of the three commands")
@click.option("--json", "as_json", is_flag=True, help="print the proof as JSON")
def drill(
    inventory: str, runbook: str, rollback: str, key: str, data: tuple[str, ...], *, as_json: bool
) -> int:
    """Carry RUNBOOK through on INVENTORY, put it back, and carry it through again.

    Three pyinfra commands; after a failure the same command goes on where it stopped. What every
    step captured must read as before once it is put back; what is armed is confirmed. The times of
    each step, both ways, are kept with what the plan was made of: in the ledger, and as a file in
    state/proofs that a guarded environment takes where it is signed.

    Exit status: 0 where it is proven, 1 where a leg did not end as it should, 2 usage.
    """
    leg, drilled = _opened(inventory, runbook, rollback, data)
    if not _carried_out(drilled, leg, data):
        return NOT_GOOD
    found = prove(drilled.kept.read(), Path(runbook).stem, drilled.id)
    if isinstance(found, str):
        sys.stderr.write(f"the drill proves nothing.\n    why:  {found}\n{_ROLL_BACK}")
        return NOT_GOOD
    folder = project_of(Path(inventory).absolute().parent) / PROOFS
    path = keep(found, folder, key)
    tell(found.as_json, _shown(found, path, signed=bool(key)), as_json=as_json)
    return GOOD


def _carried_out(drilled: Drill, leg: int, data: tuple[str, ...]) -> bool:
    """Carry the legs out from one on; tell whether each ended as it should."""
    for number in range(leg, len(LEGS)):
        say([f"==> {drilled.id}: {LEGS[number]} ({number + 1} of {len(LEGS)})"])
        sys.stdout.flush()
        ended = _run(drilled.command(number))
        if ended != GOOD and not (ended == HELD and _kept(drilled)):
            _told_failure(drilled, number, ended, data)
            return False
    return True


_ROLL_BACK = "    next: roll the run back, then the same command again\n"


def _opened(
    inventory: str, runbook: str, rollback: str, data: tuple[str, ...]
) -> tuple[int, Drill]:
    """Return the drill to begin or to carry on, and which leg is next.

    Raises:
        Misused: a file is not there, the environment is guarded, or a run of the plan stands.
    """
    back = rollback or str(Path(runbook).with_name("rollback.py"))
    _refuse_absent(runbook, "ls runbooks/*.py")
    _refuse_absent(back, "name it: `--rollback FILE`")
    said = _said_of(inventory)
    _refuse_guarded(said)
    kept = kept_of(inventory, said)
    held = kept.open(str(said.get("environment", "")), create=False)
    legs = [] if isinstance(held, NoLedger) else legs_of(held, Path(runbook).stem)
    if legs and not _is_over(legs):
        drilled = Drill(legs[0].drill, kept, inventory, runbook, back, data)
        return sum(leg.outcome is done for leg, done in _paired(legs)), drilled
    drilled = Drill(f"drill-{now():%Y%m%dT%H%M%SZ}", kept, inventory, runbook, back, data)
    _refuse_standing(held.runs(), drilled)
    return 0, drilled


def _refuse_standing(runs: Runs, drilled: Drill) -> None:
    """Raise where the newest run of a plan was not rolled back."""
    found = next(runs.forward(Path(drilled.runbook).stem), None)
    if found and not found.rolled_back:
        given = f"--data run={found.id} --data reason=drill"
        undo = f"pyinfra {drilled.inventory} {drilled.rollback} {given}"
        raise Misused(NONE, f"run `{found.id}` stands, and a drill begins from nothing", undo)


def _refuse_absent(file: str, fix: str) -> None:
    if not Path(file).is_file():
        raise Misused(NONE, f"there is no runbook `{file}`", fix)


def _refuse_guarded(said: dict[str, Any]) -> None:  # Any: what an inventory holds
    if said.get("guarded"):
        why = f"`{said.get('environment')}` is guarded: a drill undoes everything that it did"
        fix = "its proof counts here from staging: handrail drill inventory/staging.py RUNBOOK"
        raise Misused(NONE, why, fix)


def _said_of(inventory: str) -> dict[str, Any]:  # Any: what an inventory holds
    """Return the data of an inventory's hosts as one; what concerns a drill is the same on all."""
    return {key: value for each in hosts_of(inventory).values() for key, value in each.items()}


def _is_over(legs: list[Run]) -> bool:
    """Tell whether a drill came to its end, or was left for good: its runs were rolled back."""
    return len(legs) >= len(LEGS) and legs[-1].outcome in (Outcome.PROVEN, Outcome.ROLLED_BACK)


def _paired(legs: list[Run]) -> Iterator[tuple[Run, Outcome]]:
    """Yield each leg with what it has to come to; the first is rolled back by the second."""
    yield from zip(legs, DONE, strict=False)


def _run(command: list[str]) -> int:
    """Run a command of ours in the foreground; Ctrl-C reaches it, too, and it ends as it does."""
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("pyinfra")), *command[1:]]
    ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()


def _kept(drilled: Drill) -> bool:
    """Confirm what a leg has armed, as people would; True where the leg is proven by that."""
    held = drilled.kept.read()
    run = legs_of(held, Path(drilled.runbook).stem, drilled.id)[-1]
    held.append_beside(
        [
            Fact(Event.PERSON_CONFIRMED, run.id, run.attempts, os_user(), each.task,
                 run.tasks[each.task, each.target].declared.step, each.target, drilled.id)
            for each in armed_in(run)
        ]
    )  # fmt: skip
    return held.runs()[run.id].outcome is Outcome.PROVEN


def _told_failure(drilled: Drill, leg: int, ended: int, data: tuple[str, ...]) -> None:
    again = ["handrail", "drill", drilled.inventory, drilled.runbook]
    again += [word for each in data for word in ("--data", each)]
    sys.stderr.write(
        f"\n{drilled.id} stopped: {LEGS[leg]} ended with {ended}.\n"
        "    why:  see its lines above\n"
        f"    next: mend that, then `{' '.join(again)}`: it goes on\n"
    )


def _shown(proof: Proof, path: Path, *, signed: bool) -> Iterable[str]:
    """Return what a drill comes to, for people."""
    yield f"{proof.drill}: `{proof.runbook}` went forward, back and forward on {proof.environment}."
    yield f"    {proof.as_before} receipts read as before once they were put back"
    yield from (f"    {task} stays: {why}" for task, why in proof.accepted.items())
    yield from _table(proof)
    kind = "signed" if signed else "not signed; `--key FILE` signs it"
    yield f"    proof: {shown(path)} ({kind})"


def _table(proof: Proof) -> Iterator[str]:
    """Yield the times of each task, and of all together, leg by leg."""
    yield _row("task", LEGS) + "  step"
    for each in proof.tasks:
        took = (each.forward, each.back, each.again)
        yield _row(each.task, map(_seconds, took)) + f"  {each.step} ({each.target})"
    sums = (sum(getattr(each, leg) or 0.0 for each in proof.tasks) for leg in LEGS)
    yield _row("in all", map(_seconds, sums))


def _row(head: str, cells: Iterable[str]) -> str:
    return f"    {head:<10} " + " ".join(f"{cell:>9}" for cell in cells)


def _seconds(took: float | None) -> str:
    return "" if took is None else f"{took:.1f} s"

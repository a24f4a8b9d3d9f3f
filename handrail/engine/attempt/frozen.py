"""A plan saved to a file: what it was made of, and what of that has moved since."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pyinfra.context import inventory

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import inventory_file, runbook_file, to_paste
from handrail.engine.attempt.edits import Calls, edits
from handrail.engine.attempt.material import Called, files_of, packages, values_of
from handrail.engine.attempt.started import digest_of
from handrail.engine.inventory import data_of
from handrail.engine.likeness import code_of, digests_of, moved
from handrail.ledger.chain import Head
from handrail.ledger.entry import BESIDE, Entry, Event, now, plain, timestamp
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.location import project_of
from handrail.ledger.seam import NoLedger
from handrail.naming import phrase, ticked

FORMAT = 2
SHOWN = 6  # of what moved
Digests = Mapping[str, str]  # by name


@dataclass(frozen=True)
class Frozen:
    """A saved plan.

    Args:
        environment: Whose.
        ledger: Where its ledger is, by whatever name that is opened.
        runbook: Name of the runbook.
        run: Id of the run that it carries on or opens.
        calls: Every call in order: its step, name and arguments, secrets as references.
        code: Digest of each file that the plan is made of.
        inventory: Digest of each datum of each target; secrets are references there.
        holds: Labelled places.
        head: The ledger's newest entry.
        frozen_at: When, RFC 3339 in UTC.
        to: Where the run is told to hold; empty for the end.
        without: Targets that are left out.
        salt: Of the digests of secrets, hex.
        secrets: By reference, a salted digest of each secret's value.
        files: Digest of each file that the calls read here.
        packages: Version of each package, and of Python.
    """

    environment: str
    ledger: str
    runbook: str
    run: str
    calls: Calls
    code: Digests
    inventory: Mapping[str, Digests]
    holds: Mapping[str, str]
    head: Head
    frozen_at: str
    to: str = ""
    without: str = ""
    salt: str = ""
    secrets: Digests = field(default_factory=dict)
    files: Digests = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, attempt: Attempt, salt: str) -> Self:
        """Take down what a plan is made of, once every call was read."""
        calls = attempt.calls
        told, called = {}, {}
        for each in calls.in_order():
            place = f"{each.task} on {each.target}"
            given = dict(calls.arguments[each.task, each.target])
            told[place] = {"step": each.step, "name": each.name, "arguments": plain(given)}
            called[place] = Called.of(each.step, given, each.task, attempt.run)
        return cls(
            environment=attempt.environment,
            ledger=_place(attempt),
            runbook=attempt.runbook,
            run=attempt.run.id,
            calls=told,
            code=code_of(Path(runbook_file())),
            inventory={each.name: digests_of(data_of(each)) for each in inventory},
            holds={label: each.after for label, each in calls.holds.items()},
            head=attempt.seen,
            frozen_at=timestamp(now()),
            to=attempt.choices.to,
            without=",".join(attempt.choices.without),
            salt=salt,
            secrets=values_of(called, salt),
            files=files_of(called),
            packages=packages(),
        )

    def text(self) -> str:
        """Return it as it is saved."""
        said = vars(self) | {"head": vars(self.head), "format": FORMAT}
        return json.dumps(said, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it.

        Raises:
            WrongCommand: it is none.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found.pop("format") != FORMAT:
                raise ValueError(path)
            return cls(**found | {"head": Head(**found["head"])})
        except (OSError, AttributeError, KeyError, TypeError, ValueError):
            fix = f"make one: `handrail plan {inventory_file()} {runbook_file()} --out {path}`"
            why = f"`{path}` is no saved plan"
            raise WrongCommand("the run did not start", why, fix) from None


def _place(attempt: Attempt) -> str:
    """Return where the ledger is; from the project's folder, or on a server whoever asks it."""
    kept = attempt.inventory.kept
    if kept.server is not None:
        return re.sub("//[^@/]*@", "//", str(kept))
    project = project_of(Path(inventory_file()).absolute().parent)
    return os.path.relpath(kept.file, project)


def save(attempt: Attempt) -> list[str]:
    """Save the plan where the command says, and return what to tell.

    Raises:
        RunbookError: the file cannot be written.
    """
    path = Path(attempt.choices.freeze)
    try:
        path.write_text(Frozen.of(attempt, os.urandom(16).hex()).text(), encoding="utf-8")
    except OSError as error:
        what = f"the plan was not saved to `{path}`"
        raise RunbookError(
            what, f"{error.strerror}", f"see `ls -ld {path.parent}`, or name another file"
        ) from None
    return [
        f"Saved to {path}. It runs as it is, or not at all:",
        f"    {to_paste(runbook_file(), plan=str(path))}",
    ]


def refusal(attempt: Attempt) -> RunbookError | None:
    """Return why a run does not start under its saved plan: what has moved since it was made."""
    choices = attempt.choices
    if not choices.plan or "plan" in choices.overrides:
        return None
    try:
        saved = Frozen.read(Path(choices.plan))
    except WrongCommand as wrong:
        return wrong
    whys = list(_moved(saved, Frozen.of(attempt, saved.salt), attempt))
    if not whys:
        return None
    rest = [f"and {len(whys) - SHOWN} more"] if len(whys) > SHOWN else []
    since = f"since the plan `{choices.plan}` was saved at {saved.frozen_at[:19]}Z"
    again = f"handrail plan {inventory_file()} {runbook_file()} --out {choices.plan}"
    override = to_paste(runbook_file(), plan=choices.plan, override="plan", reason="…")
    return RunbookError(
        "the run did not start",
        f"{since}: {'; '.join([*whys[:SHOWN], *rest])}",
        f"look at what moved and plan again: `{again}`; or go on, on record: `{override}`",
    )


def _moved(saved: Frozen, today: Frozen, attempt: Attempt) -> Iterator[str]:
    yield from _given(saved, today)
    yield from edits(saved.calls, today.calls)
    if saved.holds != today.holds:
        yield "the holds are others"
    yield from _others(saved.code, today.code, "`{}`")
    yield from _others(saved.files, today.files, "`{}`, which the calls read,")
    yield from _inventories(saved.inventory, today.inventory)
    yield from _secrets(saved.secrets, today.secrets)
    for name in moved(saved.packages, today.packages):
        was, now_is = (each.packages.get(name, "not there") for each in (saved, today))
        yield f"package `{name}` was {was}, is {now_is}"
    yield from _ledger_moved(saved, attempt)


def _given(saved: Frozen, today: Frozen) -> Iterator[str]:
    """Yield what of the command, and of where it is for, is another."""
    for name in ("environment", "ledger", "runbook", "to", "without"):
        was, now_is = (phrase("`{}`", getattr(each, name)) for each in (saved, today))
        if was != now_is:
            yield f"`{name}` was {was or 'not given'}, is {now_is or 'not given'}"


def _secrets(was: Digests, now_is: Digests) -> Iterator[str]:
    """Yield each secret whose value is another; one that came or went is told by its call."""
    for name in sorted(was.keys() & now_is.keys()):
        if was[name] != now_is[name]:
            yield f"secret `{name}` was changed"


def _others(was: Digests, now_is: Digests, noun: str) -> Iterator[str]:
    """Yield each entry that is another, new or gone, by what it is called."""
    for name in sorted({*was, *now_is}):
        if was.get(name) != now_is.get(name):
            there = "was changed" if name in was else "is new"
            yield f"{noun.format(name)} {there if name in now_is else 'is gone'}"


def _inventories(was: Mapping[str, Digests], now_is: Mapping[str, Digests]) -> Iterator[str]:
    """Yield each target that came or went, and each datum that is another."""
    yield from _others(dict.fromkeys(was, ""), dict.fromkeys(now_is, ""), "target `{}`")
    for target in (each for each in was if each in now_is):
        yield from _others(was[target], now_is[target], f"the inventory's `{target}.{{}}`")


def _ledger_moved(saved: Frozen, attempt: Attempt) -> Iterator[str]:
    """What this plan's own run did since is no move: it is resumed by the same command."""
    seq = saved.head.seq
    if isinstance(attempt.ledger, NoLedger):
        yield from ["the ledger is gone"] if seq else []
        return
    later = attempt.ledger.since(max(seq - 1, 0))
    heads = [Head(each.seq, each.sha256) for each in later[:1]]
    if seq and heads != [saved.head]:
        yield f"the ledger is not the one that it was made on: entry {seq} is another"
        return
    since = later[len(heads) :] if seq else later
    yield from _went_on(list(_of_others(since, digest_of(attempt.choices.plan))))


def _went_on(others: Sequence[Entry]) -> Iterator[str]:
    """Yield how many entries others made, and of which runs, where there are any."""
    if others:
        runs = ticked(dict.fromkeys(entry.run for entry in others))
        yield f"the ledger went on: {len(others)} entries, of {runs}"


def _of_others(entries: Iterable[Entry], plan: str) -> Iterator[Entry]:
    """Yield what was recorded since by attempts that did not go by this plan."""
    waiting: list[Entry] = []  # what an attempt says before it says by which plan it goes
    ours = False
    for entry in entries:
        if entry.event in BESIDE:
            continue
        if entry.event in (Event.RUN_OPENED, Event.LOCK_TAKEN_OVER):
            waiting.append(entry)
            continue
        if entry.event is Event.ATTEMPT_STARTED:
            ours = entry.body.get("saved_plan") == plan
        yield from () if ours else [*waiting, entry]
        waiting = []

"""A plan saved to a file: what it was made of, and what of that has moved since."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pyinfra.context import inventory

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import inventory_file, runbook_file, to_paste
from handrail.engine.attempt.started import digest_of
from handrail.engine.inventory import data_of
from handrail.engine.likeness import code_of, digests_of, moved
from handrail.ledger.chain import Head
from handrail.ledger.entry import BESIDE, Entry, Event, canonical, now, plain, timestamp
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.seam import NoLedger
from handrail.naming import ticked

FORMAT = 1
SHOWN = 6  # of what moved
Calls = Mapping[str, Mapping[str, Any]]  # by `task on target`: step, name, arguments; Any: JSON


@dataclass(frozen=True)
class Frozen:
    """A saved plan.

    Args:
        environment: Whose.
        runbook: Name of the runbook.
        run: Id of the run that it carries on or opens.
        calls: Every call in order: its step, name and arguments, secrets as references.
        code: Digest of each file that the plan is made of.
        inventory: Digest of each datum of each target; secrets are references there.
        holds: Labelled places.
        head: The ledger's newest entry.
        frozen_at: When, RFC 3339 in UTC.
        to: Where the run is told to hold; empty for the end.
    """

    environment: str
    runbook: str
    run: str
    calls: Calls
    code: Mapping[str, str]
    inventory: Mapping[str, Mapping[str, str]]
    holds: Mapping[str, str]
    head: Head
    frozen_at: str
    to: str = ""

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Take down what a plan is made of, once every call was read."""
        calls = attempt.calls
        told = {
            f"{each.task} on {each.target}": {
                "step": each.step,
                "name": each.name,
                "arguments": plain(dict(calls.arguments[each.task, each.target])),
            }
            for each in calls.in_order()
        }
        return cls(
            environment=attempt.environment,
            runbook=attempt.runbook,
            run=attempt.run.id,
            calls=told,
            code=code_of(Path(runbook_file())),
            inventory={each.name: digests_of(data_of(each)) for each in inventory},
            holds={label: each.after for label, each in calls.holds.items()},
            head=attempt.seen,
            frozen_at=timestamp(now()),
            to=attempt.choices.to,
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


def save(attempt: Attempt) -> list[str]:
    """Save the plan where the command says, and return what to tell.

    Raises:
        RunbookError: the file cannot be written.
    """
    path = Path(attempt.choices.freeze)
    try:
        path.write_text(Frozen.of(attempt).text(), encoding="utf-8")
    except OSError as error:
        what = f"the plan was not saved to `{path}`"
        raise RunbookError(what, f"{error.strerror}", f"see `ls -ld {path.parent}`") from None
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
    whys = list(_moved(saved, Frozen.of(attempt), attempt))
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
    for name in ("environment", "runbook", "to"):
        if getattr(saved, name) != getattr(today, name):
            was, now_is = (f"`{getattr(each, name)}`" if getattr(each, name) else "not given"
                           for each in (saved, today))  # fmt: skip
            yield f"`{name}` was {was}, is {now_is}"
    yield from edits(saved.calls, today.calls)
    if saved.holds != today.holds:
        yield "the holds are others"
    for name in moved(saved.code, today.code):
        yield f"`{name}` was changed"
    for name in moved(saved.inventory, today.inventory):
        yield f"the inventory's `{name}` was changed"
    yield from _ledger_moved(saved, attempt)


def edits(was: Calls, now_is: Calls) -> Iterator[str]:
    """Yield what of the calls is another: field by field."""
    common = [name for name in was if name in now_is]
    yield from (f"task {name} is gone" for name in was if name not in now_is)
    for name in common:
        yield from (f"task {name}: {each}" for each in _edits_of(was[name], now_is[name]))
    yield from (f"task {name} is new" for name in now_is if name not in was)
    if common != [name for name in now_is if name in was]:
        yield "the order of the calls is another"


def _edits_of(was: Mapping[str, Any], now_is: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for field in ("step", "name"):
        if was[field] != now_is[field]:
            yield f"{field} was `{was[field]}`, is `{now_is[field]}`"
    yield from changes(was["arguments"], now_is["arguments"])


def changes(was: Mapping[str, Any], now_is: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    """Yield each argument that is another, as it was and as it is."""
    for name in dict.fromkeys([*was, *now_is]):
        before, after = _shown(was, name), _shown(now_is, name)
        if before != after:
            yield f"`{name}` was {before}, is {after}"


def _shown(arguments: Mapping[str, Any], name: str) -> str:  # Any: JSON
    if name not in arguments:
        return "left out"
    text = canonical(arguments[name])
    return f"`{text}`"


def _ledger_moved(saved: Frozen, attempt: Attempt) -> Iterator[str]:
    """What this plan's own run did since is no move: it is resumed by the same command."""
    if isinstance(attempt.ledger, NoLedger):
        if saved.head.seq:
            yield "the ledger is gone"
        return
    later = attempt.ledger.since(max(saved.head.seq - 1, 0))
    if saved.head.seq:
        heads, later = later[:1], later[1:]
        if [Head(each.seq, each.sha256) for each in heads] != [saved.head]:
            other = f"entry {saved.head.seq} is another"
            yield f"the ledger is not the one that it was made on: {other}"
            return
    others = list(_of_others(later, digest_of(attempt.choices.plan)))
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

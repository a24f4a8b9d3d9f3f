"""The command that rolls a run back, where another process is to type it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pyinfra.context import inventory

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.command import runbook_file
from handrail.engine.finding import Verdict
from handrail.engine.needs import CONNECTOR_PREFIXES, ENGINE_KEYS
from handrail.ledger.run import Run
from handrail.ledger.views.stakes import stakes_on

# Of this command alone: a rollback nobody watches is not asked, and begins where this one is.
OWN = {"-y", "--yes", "--json", "--dry", "--diff"}
OWN_WITH_VALUE = {"--chdir"}
# What follows where a gate does not hold: people are told the way back, or it is carried out.
PROPOSE, RUN = POLICIES = ("propose", "run")


class Red(Protocol):
    """What is needed of an attempt."""

    run: Run
    calls: Calls
    back_when_red: bool
    red: dict[tuple[str, str], str]


def rollback_file() -> Path:
    """Return the runbook that puts this one back: it lies beside it."""
    return Path(runbook_file()).parent / "rollback.py"


def way_back_of_red(attempt: Red) -> dict[str, str]:
    """Return the rollback that follows at once since a gate is red; empty where none does.

    By the runbook's word, `begin(back_when_red=True)`, the whole run goes back. By a gate's policy
    the run goes back to where nothing is at stake, and only where the gate does not hold: what
    could not be told is a matter for people.
    """
    if attempt.back_when_red:
        return _back(attempt, list(attempt.red), "")
    policies = attempt.calls.policies
    by_policy = [
        key
        for key, verdict in attempt.red.items()
        if verdict == Verdict.FAIL and policies.get(key[0]) == RUN
    ]
    return _back(attempt, by_policy, next((stake.back_to for stake in stakes_on(attempt.run)), ""))


def _back(attempt: Red, red: list[tuple[str, str]], to: str) -> dict[str, str]:
    """Return the rollback because of gates, as far as a place; empty where there are none."""
    names = ", ".join(f"{task} on {target}" for task, target in sorted(red))
    said = {"run": attempt.run.id, "reason": f"red: {names}", "to": to}
    return {name: value for name, value in said.items() if value} if red else {}


def words_of_rollback(environment: str) -> list[str]:
    """Return what follows `pyinfra` in the rollback's command, up to which run and why.

    What was typed of how targets are reached, and of their data, is typed again.
    """
    kept = [word for each in _spoken() for word in each]
    return ["-y", *kept, "--data", f"environment={environment}"]


def _spoken() -> Iterator[tuple[str, ...]]:
    """Yield the words of this command that count for its rollback; an option with its value."""
    words = iter(sys.argv[1:])
    for word in words:
        name, equals, value = word.partition("=")
        if name in OWN_WITH_VALUE | {"--data"} and not equals:
            value = next(words, "")
        yield from _spoken_again(name, word, value)


def _spoken_again(name: str, word: str, value: str) -> Iterator[tuple[str, ...]]:
    """Yield a word of this command, whose name and value it is, as its rollback has it."""
    if name == "--data":
        if _is_of_targets(value.partition("=")[0]):
            yield ("--data", value)
    elif word == runbook_file():
        yield (str(rollback_file()),)
    elif name not in OWN | OWN_WITH_VALUE:
        yield (word,)


def _is_of_targets(key: str) -> bool:
    """Tell whether a key of `--data` is data of the targets, and not a word to this command."""
    if key in ENGINE_KEYS:
        return False
    known = inventory.data.keys() | {
        name for each in inventory for name in (*each.host_data, *each.group_data)
    }
    return key in known or key.startswith(CONNECTOR_PREFIXES)

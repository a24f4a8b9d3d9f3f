"""The drill of the real cutover in the rehearsal world: up, down, up, every capture equal."""

import json

import pytest

from handrail.ledger.store import SqliteLedger

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
MOVES = {"commit"}  # of the site that is served: a way back serves the same files by a new commit


def captured(ledger, run):
    """Return what each step of a run captured before it first acted, without what has to move."""
    found = {}
    for entry in ledger.of_runs([run]):
        if entry.event == "step.started" and entry.body.get("before") is not None:
            found.setdefault((entry.task, entry.target), without(entry.body["before"]))
    return found


def without(value):
    """Return data without what a way back has to make anew."""
    if isinstance(value, dict):
        return {key: without(each) for key, each in value.items() if key not in MOVES}
    return value


def test_the_cutover_goes_up_down_and_up_and_finds_everything_as_it_was(night, record_property):
    """The second way up captures what the first one did: nothing of it was left behind."""
    drill = "./run handrail drill inventory/rehearsal.py runbooks/cutover.py --json"
    code, said = night.run(drill, 1000)

    assert code == 0, said
    proof = json.loads(said[said.rindex('\n{\n  "format"') :])
    ledger = SqliteLedger(night.ledger)
    up, down, again = (captured(ledger, run) for run in proof["runs"])
    assert proof["as_before"] >= len(up) - len(proof["accepted"])
    assert {key: up[key] for key in again} == again
    assert down.keys() <= up.keys()
    assert all(each["forward"] is not None for each in proof["tasks"] if each["back"] is not None)
    legs = ("forward", "back", "again")
    sums = {leg: sum(each[leg] or 0 for each in proof["tasks"]) for leg in legs}
    record_property(
        "render", f"drill of {proof['rows']} rows: "
        + ", ".join(f"{leg} {took:.0f} s" for leg, took in sums.items())
    )  # fmt: skip

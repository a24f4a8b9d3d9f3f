"""The data of an inventory is held against what the runbook needs, nested and all at once."""

from typing import TypedDict

import pytest

from handrail.engine.needs import faults


class Needs(TypedDict):
    """What a runbook may ask for."""

    tables: list[str]
    pace: float
    services: dict[str, str]
    render: dict[str, str | list[str]]


GOOD = {"tables": ["a"], "pace": 5, "services": {"web": "x"}, "render": {"key": "k", "shown": []}}


def test_good_data_has_no_fault():
    """A whole number is a number, too; what the engine and connectors read is known."""
    more = {"environment": "x", "ledger": "y", "ssh_user": "z", "_sudo": True}

    assert list(faults("one", GOOD | more, [Needs])) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"tables": "a"}, "data `tables` of `one` is not list but str"),
        ({"tables": ["a", 7]}, "data `tables[1]` of `one` is not str but int"),
        ({"pace": True}, "data `pace` of `one` is not float but bool"),
        ({"pace": "5"}, "data `pace` of `one` is not float but str"),
        ({"services": {"web": None}}, "data `services.web` of `one` is not str but NoneType"),
        ({"render": {"shown": [7]}}, "data `render.shown[0]` of `one` is not str but int"),
        ({"servces": 1}, "`one` has data `servces`, which this runbook does not know"),
    ],
)
def test_a_fault_is_named_where_it_is(data, why):
    """Not only the key: the element of the list, the entry of the dictionary."""
    assert why in dict(faults("one", GOOD | data, [Needs]))


def test_every_fault_is_told_at_once():
    """An operator corrects the inventory in one go."""
    found = dict(faults("one", {"tables": [1], "pcae": 2}, [Needs]))

    assert len(found) == 5
    assert (
        "did you mean `pace`? " in found["`one` has data `pcae`, which this runbook does not know"]
    )

"""What follows a gate that does not hold: people are told the way back, or it is carried out."""

import pytest

FIRST = 'steps.write(path=f"{room}/a", text="1", task="1")'
HOLD = 'from handrail.engine import hold; hold(label="users-back", name="Users work as before")'
STAKE = (
    'steps.write(path=f"{room}/b", text="2", task="2", stake="users work with the new system", '
    'until="3")'
)
DOOR = 'steps.door_opens(path=f"{{room}}/answer", timeout_seconds=0.2, task="3", policy="{}")'


def gone(lab, policy, answer):
    """Run to a gate of a policy; return the command's end."""
    if answer:
        lab.put("answer", answer)
    lab.runbook(FIRST, HOLD, STAKE, DOOR.format(policy))
    ran = lab.run()
    assert ran.code == 1, ran.said
    return ran


def test_by_policy_a_red_gate_runs_the_way_back_to_where_nothing_is_at_stake(lab):
    """What was done before the last hold stays, and the reason is on record."""
    ran = gone(lab, "run", "no")

    assert "--data to=users-back" in ran.said
    assert (lab.read("a"), lab.read("b")) == ("1", None)
    assert lab.runs()[-1].reason == "red: 3 on one"
    assert lab.runs()[-1].outcome == "proven"


@pytest.mark.parametrize(("policy", "answer"), [("propose", "no"), ("run", "")])
def test_nothing_goes_back_that_is_only_proposed_or_not_known(lab, policy, answer):
    """Too little to tell is a matter for people; so is a red gate whose policy is to propose."""
    ran = gone(lab, policy, answer)

    assert "rollback.py --data run=" in ran.said
    assert lab.read("b") == "2"
    assert len(lab.runs()) == 1


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (DOOR.format("rum"), "`policy='rum'` is no policy"),
        (FIRST.replace("task=", 'policy="run", task='), "is for gates"),
    ],
)
def test_a_policy_is_one_of_two_and_for_gates(lab, call, why):
    """The plan says so."""
    lab.runbook(call)

    ran = lab.run("--dry")

    assert ran.code == 1
    assert why in ran.said

"""What is recorded comes back as it was, and what cannot tell anything is not taken for proof."""

import pytest

ODD = "from lab import odd\n"
HEAD = ("--data", "drift=1:undo")


def the(lab, name, **more):
    """Write a runbook of one odd step."""
    words = "".join(f", {key}={value!r}" for key, value in more.items())
    lab.runbook(f'odd.{name}(path=f"{{room}}/a", text="1"{words}, task="1")', header=ODD)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("bytes", "it holds bytes that are not UTF-8"),
        ("decimal", "it is a Decimal"),
        ("time", "it is a datetime"),
        ("nan", "it is nan"),
        ("numbered", "it has the key 1, which is not text"),
        ("huge", "it is 1152921504606846976, which JSON does not carry"),
        ("set", "it is a set"),
        ("deep", "it is nested more than 100 deep"),
        ("round", "it is nested more than 100 deep"),
    ],
)
def test_a_snapshot_that_would_not_come_back_is_refused_before_the_act(lab, kind, told):
    """A rollback proven against something else than what was there would prove nothing."""
    the(lab, "write_odd")
    lab.put("a", kind)

    ran = lab.run()

    assert ran.code == 1
    assert told in ran.said
    assert "Traceback" not in ran.said
    assert lab.journal() == []
    assert lab.events() == ["step.refused 1@one"]


def test_figures_of_every_kind_are_recorded(lab):
    """An act whose effect is there does not fail for what it says about it."""
    the(lab, "write_with_figures")

    ran = lab.run()

    assert ran.code == 0, ran.said
    facts = lab.entries()[-3].body["facts"]
    assert facts == {
        "price": "1.10",
        "at": "2026-10-03 00:00:00+00:00",
        "rate": "nan",
        "names": ["a"],
        "bad": "caf\ufffd",
        "round": "nested more than 100 deep",
    }


def test_a_large_snapshot_lies_in_the_vault_and_comes_back(lab):
    """Every command reads the ledger; it must not pay for what only a rollback needs."""
    lab.put("a", "before")
    the(lab, "write_large")

    assert lab.run().code == 0
    before = lab.runs()[0].tasks["1", "one"].receipt.before
    assert before["size_bytes"] == 600_002
    assert lab.ledger.stat().st_size < 200_000
    assert lab.roll_back().code == 0
    assert lab.read("a") == "before"


def test_a_capture_that_does_not_see_the_effect_is_told(lab):
    """And a rollback undoes all the same, by the claim: it reads as before already, and is not."""
    the(lab, "write_unseen")

    ran, back = lab.run(), lab.roll_back()

    assert (ran.code, back.code) == (0, 0), back.said
    assert "reads the same after the act as before it" in ran.said
    assert lab.journal() == ["write a", "clear a a"]
    assert lab.read("a") is None


def test_what_such_a_capture_cannot_prove_undone_is_not_called_so(lab):
    """The claim still holds, so the effect is there."""
    the(lab, "write_unseen")
    lab.run()
    lab.put("stuck")

    ran = lab.roll_back()

    assert ran.code == 1
    assert "is not proven undone" in ran.said
    assert lab.runs()[0].outcome != "rolled_back"


def test_what_somebody_added_is_not_overwritten_though_the_claim_holds(lab):
    """A line after ours: what stands there is neither what we left nor what was there before."""
    lab.put("a", "first\n")
    lab.runbook('steps.append(path=f"{room}/a", line="ours", task="1")')
    lab.run()
    lab.put("a", "first\ntheirs\nours\n")

    refused, undone = lab.roll_back(), lab.roll_back(*HEAD)

    assert (refused.code, undone.code) == (1, 0)
    assert "what it left there was changed since: its claim still holds" in refused.said
    assert "--data drift=1:undo" in refused.said
    assert lab.read("a") == "first\n"


def test_a_claim_that_is_let_go_of_lets_nothing_start_after_it(lab):
    """gevent ends a greenlet without a word, and pyinfra takes that for a success."""
    last = 'steps.write(path=f"{room}/b", text="1", task="2")'
    lab.runbook('odd.write_or_let_go(path=f"{room}/a", text="1", task="1")', last, header=ODD)
    lab.put("let go")

    ran = lab.run()

    assert ran.code == 1
    assert lab.journal() == []
    assert lab.events() == ["step.refused 1@one"]


def test_a_partial_rollback_that_is_told_to_go_less_far_finishes_what_it_began(lab):
    """What is half put back cannot stay so."""
    for name in "ab":
        lab.put(name, "before")
    lab.runbook(
        'steps.write(path=f"{room}/a", text="1", task="1")',
        'steps.die_undone(path=f"{room}/b", text="2", task="2")',
        'steps.write(path=f"{room}/c", text="3", task="3")',
    )
    lab.run()
    assert lab.roll_back("--data", "to=1").code == -9

    ran = lab.roll_back("--data", "to=2")

    assert ran.code == 0, ran.said
    assert [lab.read(name) for name in "abc"] == ["1", "before", None]


def test_a_step_that_another_one_takes_back_goes_back_with_it(lab):
    """It is irreversible alone, and nobody has to accept that."""
    lab.put("source", "one")
    lab.runbook(
        'steps.write(path=f"{room}/a", text="0", task="1")',
        'odd.follow(path=f"{room}/b", source=f"{room}/source", task="2")',
        header=ODD,
    )
    lab.run()

    plan, back = lab.roll_back("--dry"), lab.roll_back()

    assert (plan.code, back.code) == (0, 0), back.said
    assert "goes back with" in plan.said
    assert lab.states() == {"2@one": "rolled_back", "1@one": "rolled_back"}
    assert lab.runs()[0].outcome == "rolled_back"


def test_a_step_that_another_one_takes_back_is_irreversible_where_that_one_stays(lab):
    """It is told as such."""
    lab.put("source", "one")
    lab.runbook(
        'steps.write(path=f"{room}/a", text="0", task="1")',
        'odd.follow(path=f"{room}/b", source=f"{room}/source", task="2")',
        header=ODD,
    )
    lab.run()

    ran = lab.roll_back("--data", "to=1")

    assert ran.code == 1
    assert "1 not undone" in ran.closing[0]


def test_what_others_wrote_where_the_way_back_keeps_it_is_no_drift(lab):
    """As long as the claim holds: then what stands there is ours, and theirs."""
    lab.put("a", "before")
    the(lab, "open_book")
    lab.run()
    lab.put("a", "1 and theirs")

    plan, back = lab.roll_back("--dry"), lab.roll_back()

    assert (plan.code, back.code) == (0, 0), back.said
    assert "what was written there since is kept aside" in plan.said
    assert (lab.read("a"), lab.read("kept")) == ("before", "1 and theirs")


def test_what_others_made_of_it_is_drift_all_the_same(lab):
    """The claim does not hold, so nobody knows what the way back would keep."""
    the(lab, "open_book")
    lab.run()
    lab.put("a", "theirs alone")

    assert lab.roll_back().code == 1
    assert lab.read("a") == "theirs alone"

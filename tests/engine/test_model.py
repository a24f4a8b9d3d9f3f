"""The protocol of lease, intent, doubt, consent, void and rollback, against a reference model.

The engine's own attempt, decisions and rollback run here in process, on a real ledger: plans are
edited, acts fail, processes are killed at any entry and between effect and outcome, in recovery and
in rollback, and may leave orphans; leases are taken over, and outsiders change what was done.
"""

import os

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from handrail.engine import undo
from handrail.engine.attempt import opening
from handrail.engine.attempt.choosing import receipts_to_undo, run_to_undo
from handrail.engine.execution import execute
from handrail.engine.gate import ask_gate
from handrail.ledger.errors import RunbookError
from handrail.testing.machine import this_machine
from tests.engine import model_steps as steps
from tests.engine.model import DOUBT, GATE
from tests.engine.model_machine import AGAIN, HERE, NEVER, STEPS, TASKS, Processes

STOPS = ("asks", "drift", "waits")


@pytest.fixture(scope="module", autouse=True)
def here():
    """This machine as the target of all of it."""
    with this_machine():
        yield


class Machine(Processes):
    """Commands of operators, one after the other or beside each other, and what may befall them."""

    def __init__(self):
        """Start with nothing said."""
        super().__init__()
        self.said = None  # the newest consent that was used
        self.saying = None  # one that will be, with the next intent

    @initialize()
    def begin(self):
        """Make a place for it all."""
        self.settle_down()

    def befalls(self, *, fate="kill", after=NEVER, leaves_orphans=False):
        """Let something befall the next command after so many moments, or nothing."""
        self.fate, self.left, self.leaves_orphans = fate, max(after, NEVER), leaves_orphans

    def go_forward(self, *, word="", failing="", repeats=False, **fate):
        """Run the runbook: it opens a run, or carries the open one on."""
        ledger = self.kept.open("lab", create=False)
        runs = ledger.runs()
        run, body = opening.latest_or_new(runs, "up", ())
        if run.id not in runs:
            self.model.known, self.model.passed, self.said = {}, False, None
        consent, task = self.consent(run, word)
        if consent is None and repeats and self.said:
            consent = self.said  # used, so it is as if it were not there
        attempt = self.attempt(run, body, ledger, runs, consent, "up")
        for name, text in self.plan.items():
            given = {"key": name} | ({"text": text} if text else {})
            contract = STEPS[name].contract
            attempt.declare(name, contract.name, "A call", name, given, selected=True)
        gate = steps.agrees.contract
        attempt.declare(GATE, gate.name, "A gate", GATE, {"key": "3"}, selected=True)
        self.befalls(**fate)
        self.failing, told = failing, []

        def calls():
            for name, text in self.plan.items():
                given = {"key": name} | ({"text": text} if text else {})
                said = word if name == task else ""
                found = self.model.expects(name, text, idempotent=name in AGAIN, word=said)
                if found == "acts" and (said or self.model.of(name).state != DOUBT):
                    self.model.of(name).acts = 0  # a word, an edit, or a void of what was settled
                    self.saying = consent if said else None
                acts = self.model.of(name).acts
                told.append((name, found))
                yield execute(attempt, STEPS[name].contract, name, given)
                assert (self.model.of(name).acts > acts) == (found == "acts"), (name, found)
                assert found not in STOPS
            told.append((GATE, "leaves" if self.model.passed else "asked"))
            self.model.passed = False
            yield ask_gate(attempt, gate, GATE, {"key": "3"})

        passed = self.model.passed
        self.carry(calls())
        name, found = told[-1]
        if found == "leaves" and name == GATE:
            self.model.passed = passed
        if self.ended(attempt):
            assert attempt.refusal is None
            if attempt.stopped_by:
                disagrees = self.model.world.get("3") != self.model.world.get("1")
                assert found in STOPS or (name == GATE and disagrees), (name, found)
            else:
                assert name == GATE
                states = {self.model.of(each).state for each in TASKS}
                proven = self.model.passed and states <= {"done", "held"}
                assert (attempt.run.outcome == "proven") == proven, (attempt.run.outcome, states)

    def consent(self, run, word):
        """Return an operator's word on the first task that it answers, and which that is."""
        for task in TASKS if word else ():
            known = run.tasks.get((task, HERE))
            if known is None or task in self.model.orphans:
                continue
            begun = known.receipt.attempt if known.receipt else 0
            if word == "redo" and known.standing in ("changed", "unchanged"):
                if self.model.world.get(task) != self.model.wanted(task, self.plan[task]):
                    number = f"#{begun}" if known.receipt else ""
                    return ("drift", f"{task}{number}:redo"), task
            elif word != "redo" and (
                known.in_doubt or (word == "retry" and known.standing == "skipped")
            ):
                return ("settle", f"{task}#{begun}:{word}"), task
        return None, ""

    def go_back(self, *, agrees, **fate):
        """Roll the newest run back, or carry its rollback on."""
        ledger = self.kept.open("lab", create=False)
        runs = ledger.runs()
        try:
            run, body = run_to_undo(runs, "rollback", "latest", "a reason", "", ())
        except RunbookError:
            return
        receipts = receipts_to_undo(run, runs[run.undoes], "", ())
        found = {each.task: self.model.undoes(each.task) for each in receipts}
        drifted = next((task for task, what in found.items() if what == "drift" and agrees), "")
        consent = ("drift", f"{drifted}:undo") if drifted else None
        attempt = self.attempt(run, body, ledger, runs, consent, "rollback")
        before = {task: self.model.of(task).before for task in found}
        self.model.rolling, self.model.agreed = True, drifted
        for each in receipts:
            attempt.calls.undoing.add((each.task, each.target))
            attempt.declare(each.task, each.step, "A way back", each.task, selected=True)
        self.befalls(**fate)
        reached = []

        def calls():
            for each in receipts:
                reached.append((each.task, self.model.undoes(each.task)))
                yield undo._execute(each)
                assert reached[-1][1] not in STOPS, reached
                if reached[-1][1] != "gone":
                    assert self.model.world.get(each.task) == before[each.task], each.task

        self.carry(calls())
        self.model.agreed = ""
        in_peace = self.ended(attempt)
        back = self.kept.read().runs()[run.undoes].rolled_back
        if in_peace:
            assert attempt.refusal is None
        if in_peace and reached:
            assert back == (reached[-1][1] not in STOPS), reached
        assert not (back and any(self.model.of(task).receipt for task in found)), found

    def edit(self, task, text):
        """Change an argument of a call."""
        self.plan[task] = text

    def change_the_world(self, task, text):
        """Somebody else writes there."""
        self.model.world[task] = text

    def let_orphans_end(self, works):
        """What killed processes left at work comes to its end, done or not."""
        while self.model.orphans:
            task, text = self.model.orphans.popitem()
            if works:
                self.model.acted(task, text)
        self.model.check(idempotent=AGAIN)

    # One rule, since Hypothesis leaves some rules out of each example: every step is a command.
    @rule(
        meanwhile=st.one_of(
            st.none(),
            st.builds(dict, edit=st.fixed_dictionaries(
                {"task": st.sampled_from(["1", "2"]), "text": st.sampled_from(["a", "b"])})),
            st.builds(dict, change_the_world=st.fixed_dictionaries(
                {"task": st.sampled_from(TASKS), "text": st.sampled_from(["a", "b", "x", None])})),
            st.builds(dict, let_orphans_end=st.fixed_dictionaries({"works": st.booleans()})),
        ),
        back=st.sampled_from([*[None] * 5, {"agrees": False}, {"agrees": True}]),
        forward=st.fixed_dictionaries({
            "word": st.sampled_from(["", "", "retry", "redo", "adopt", "skip"]),
            "failing": st.sampled_from(["", "", *TASKS]), "repeats": st.booleans(),
        }),
        fate=st.sampled_from(["kill", "steal"]),
        after=st.one_of(st.just(NEVER), st.integers(0, 20)),
        leaves_orphans=st.booleans(),
    )  # fmt: skip
    def command(self, meanwhile, back, forward, **fate):
        """Something happens meanwhile; then the runbook goes forward, or back."""
        for name, given in (meanwhile or {}).items():
            getattr(self, name)(**given)
        if back is None:
            self.go_forward(**forward, **fate)
        else:
            self.go_back(**back, **fate)

    @invariant()
    def the_ledger_is_sound_and_says_what_the_model_saw(self):
        """Chain and story hold, and each record is what was seen of its task."""
        if hasattr(self, "kept"):
            self.sound()


SHRINK = [Phase.shrink] if "MODEL_SHRINK" in os.environ else []  # takes minutes
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "60"))
Machine.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=8, deadline=None, derandomize=EXAMPLES < 100,
    phases=(Phase.generate, *SHRINK), database=None,
)  # fmt: skip
test_the_engine_does_what_the_model_says = Machine.TestCase

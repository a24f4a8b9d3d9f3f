"""Runs as a fold of entries: the last word counts, and nothing that was begun is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.ledger.entry import GENESIS, Entry, Event
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.run import Outcome, fold
from handrail.ledger.task import TaskState
from handrail.ledger.views.story import Story

TASKS = ("1", "2", "3")
DECLARED = [[task, f"step.{task}", "web", f"Do {task}"] for task in TASKS]


class Teller:
    """Tells only what an engine can have done, and keeps in mind where that leaves each task."""

    def __init__(self):
        """Open a run."""
        self.entries = []
        self.attempt = 0
        self.last = dict.fromkeys(TASKS, TaskState.PENDING)
        self.doubt = dict.fromkeys(TASKS, False)
        self.begun = dict.fromkeys(TASKS, False)
        self.ended = True
        self.say(Event.RUN_OPENED, fence=1, runbook="cutover")
        self.restart(killed=False)

    def say(self, event, task="", *, fence=None, **body):
        """Write one entry."""
        seq = len(self.entries) + 1
        step = f"step.{task}" if task else ""
        at = f"2026-10-03T14:{seq // 60:02}:{seq % 60:02}.000000Z"
        said = (seq, "run-1", max(self.attempt, 1), at, event, task, step, "web" if task else "")
        fence = fence or self.attempt
        self.entries.append(Entry(*said, "ada", "", fence, body, GENESIS, str(seq)))

    def restart(self, *, killed):
        """End the attempt, politely or not, and start the next one."""
        if self.attempt and not killed:
            self.say(Event.ATTEMPT_ENDED, outcome="stopped")
        self.attempt += 1
        if killed:
            self.say(Event.LOCK_TAKEN_OVER)
        self.say(Event.ATTEMPT_STARTED, declared=DECLARED)

    def choices(self, task):
        """Return what an engine may do about a task now."""
        if self.doubt[task]:
            return ["adopt", "skip", "retry", "retry and fail", "retry and die", "refuse"]
        return ["act", "fail", "die", "unchanged", "refuse"]

    def tell(self, task, choice):
        """Do one thing about a task."""
        acts = {
            "act": Event.STEP_CHANGED,
            "retry": Event.STEP_CHANGED,
            "fail": Event.STEP_FAILED,
            "retry and fail": Event.STEP_FAILED,
            "die": None,
            "retry and die": None,
        }
        says = {
            "adopt": Event.STEP_ADOPTED,
            "skip": Event.STEP_SKIPPED,
            "unchanged": Event.STEP_UNCHANGED,
            "refuse": Event.STEP_REFUSED,
        }
        if choice in says:
            self.say(says[choice], task)
            self.last[task] = {
                "adopt": TaskState.CHANGED,
                "skip": TaskState.SKIPPED,
                "unchanged": TaskState.UNCHANGED,
                "refuse": TaskState.REFUSED,
            }[choice]
            self.doubt[task] = self.doubt[task] and choice == "refuse"
            return
        self.say(Event.STEP_STARTED, task, arguments={}, digest="d", before=len(self.entries))
        self.begun[task] = True
        if acts[choice]:
            self.say(acts[choice], task)
        self.doubt[task] = acts[choice] is not Event.STEP_CHANGED
        ends = {Event.STEP_CHANGED: TaskState.CHANGED, Event.STEP_FAILED: TaskState.FAILED}
        self.last[task] = ends.get(acts[choice], TaskState.STARTED)
        if acts[choice] is None:
            self.restart(killed=True)


@st.composite
def tales(draw):
    """Draw a run that can have happened."""
    teller = Teller()
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 5)) == 0:
            teller.restart(killed=draw(st.booleans()))
        task = draw(st.sampled_from(TASKS))
        teller.tell(task, draw(st.sampled_from(teller.choices(task))))
    return teller


@given(tale=tales())
def test_last_word_on_a_task_is_its_state(tale):
    """Whatever came before, a task stands where its last entry says; doubt stays until settled."""
    run = fold(tale.entries)["run-1"]

    assert {task: run.tasks[task, "web"].state for task in TASKS} == tale.last
    assert {task: run.tasks[task, "web"].in_doubt for task in TASKS} == tale.doubt


@given(tale=tales())
def test_run_is_proven_when_every_task_is_proven(tale):
    """Neither a task nobody touched nor one in doubt is done; a skipped one is not proven."""
    run = fold(tale.entries)["run-1"]
    done = {TaskState.CHANGED, TaskState.UNCHANGED, TaskState.SKIPPED}

    expected = all(tale.last[task] in done and not tale.doubt[task] for task in TASKS)

    skipped = TaskState.SKIPPED in tale.last.values()
    assert (run.outcome in {Outcome.PROVEN, Outcome.FINISHED}) == expected
    assert (run.outcome is Outcome.PROVEN) == (expected and not skipped)
    assert (run.next_task() is None) == expected


@given(tale=tales())
def test_what_was_begun_can_be_undone(tale):
    """Each task that ever began has a receipt, with what stood there before its first act."""
    receipts = {receipt.task: receipt for receipt in fold(tale.entries)["run-1"].receipts()}
    first = {}
    for entry in tale.entries:
        if entry.event is Event.STEP_STARTED:
            first.setdefault(entry.task, entry)

    assert set(receipts) == {task for task in TASKS if tale.begun[task]}
    assert {task: each.before for task, each in receipts.items()} == {
        task: entry.body["before"] for task, entry in first.items()
    }
    assert list(receipts) == sorted(receipts, key=lambda task: -first[task].seq)


@given(tale=tales(), cut=st.integers(0, 60))
def test_fold_of_the_start_and_then_the_rest_is_the_fold_of_all(tale, cut):
    """A process that goes on folding what it writes sees what a new one reads."""
    cut = max(1, min(cut, len(tale.entries)))
    runs = fold(tale.entries[:cut])
    for entry in tale.entries[cut:]:
        runs["run-1"].apply(entry)

    assert runs == fold(tale.entries)


@given(tale=tales())
def test_what_can_have_happened_is_not_objected_to(tale):
    """The auditor's idea of a possible story has room for all that an engine does."""
    story = Story()

    assert [what for entry in tale.entries for what in story.take(entry.as_json())] == []


def test_rollback_leaves_attempts_and_seconds_of_the_undone_run():
    """How often and how long a step ran is not what its undoing took."""
    tale = Teller()
    tale.tell("1", "act")
    before = fold(tale.entries)["run-1"].tasks["1", "web"]
    undone = fold([*tale.entries, *rollback_of(tale, "1")])["run-1"].tasks["1", "web"]

    assert undone.state is TaskState.ROLLED_BACK
    assert undone.receipt is None
    assert (undone.attempts, undone.seconds) == (before.attempts, before.seconds)


def rollback_of(tale, task):
    """Return the entries of a second attempt of a rollback, an hour later."""
    at = "2026-10-03T15:30:00.000000Z"
    bodies = {
        Event.RUN_OPENED: {"runbook": "rollback", "undoes": "run-1"},
        Event.ATTEMPT_STARTED: {"declared": DECLARED[:1]},
        Event.STEP_ROLLED_BACK: {},
    }
    for place, (event, body) in enumerate(bodies.items(), start=len(tale.entries) + 1):
        about = (task, f"step.{task}", "web") if event is Event.STEP_ROLLED_BACK else ("", "", "")
        yield Entry(place, "back-1", 7, at, event, *about, "ada", "", 9, body, GENESIS)


def test_task_the_runbook_no_longer_names_keeps_its_receipt():
    """An edit of the runbook does not hide what is there to be undone."""
    tale = Teller()
    tale.tell("2", "act")
    tale.attempt += 1
    tale.say(Event.ATTEMPT_STARTED, declared=[DECLARED[0]])

    run = fold(tale.entries)["run-1"]

    assert [task for task, _ in run.tasks] == ["1", "2"]
    assert [receipt.task for receipt in run.receipts()] == ["2"]


@pytest.mark.parametrize(
    ("event", "task"),
    [(Event.ATTEMPT_STARTED, ""), (Event.STEP_STARTED, "1"), (Event.RUN_OPENED, "")],
)
def test_entry_that_lacks_what_it_must_say_is_told(event, task):
    """A ledger of another make is refused in words."""
    tale = Teller()
    tale.say(event, task)

    with pytest.raises(LedgerDamaged, match="entry 3"):
        fold(tale.entries)

"""What a call in a runbook may say, and what each misuse is answered with."""

import pytest

from handrail.ledger.entry import WAITED, Event

WRITE = 'steps.write(path=f"{room}/a", text="new", task="1")'


def refused(lab, *told):
    """Run, and see a refusal in words before anything was done."""
    ran = lab.run()
    assert ran.code in (1, 2), ran.said
    assert "Traceback" not in ran.said, ran.said
    for each in told:
        assert each in ran.said, ran.said
    assert "next:" in ran.said
    assert "stopped at its beginning: " in ran.said
    assert lab.journal() == []
    assert not lab.events()
    return ran


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ('steps.write(path="x", text="y")', "the call has no task id"),
        ('steps.write(path="x", text="y", task="")', "the call has no task id"),
        ('steps.write(path="x", text="y", task=3.2)', "`task=3.2` is no text"),
        ('steps.write("x", text="y", task="1")', "'x' is passed without a name"),
        ('steps.write(pth="x", text="y", task="1")', "no `pth`; did you mean `path`?"),
        ('steps.write(path="x", task="1")', "leaves out `text`, and `one` has no data"),
        ('steps.write(path="x", text={1, 2}, task="1")', "is not plain data"),
        ('steps.write(path="x", text="y", task="1", name=3)', "`name=3` is no text"),
        ('steps.write(path="x", text="y", task="1", canary="two")', "`canary='two'`"),
        ('steps.write(path="x", text="y", task="1", _sudoo=True)', "did you mean `_sudo`?"),
        ('steps.write(path="x", text="y", task="1", _retries=2)', "`_retries` would run"),
        ('steps.write(path="x", text="y", task="1", _ignore_errors=True)', "without its proof"),
        ('steps.write(path=f"{here.nowhere}/a", text="y", task="1")', "`nowhere`"),
        ('steps.write(path="/a/" + here.nowhere, text="y", task="1")', "`nowhere`"),
        ('steps.write(path=here.nowhere.strip(), text="y", task="1")', "`nowhere`"),
        ('[steps.write(path="x", text="y", task=i) for i in here.nowhere]', "`nowhere`"),
        ('steps.write(path="x", text="y", task="1") if here.nowhere else 0', "`nowhere`"),
        ('steps.write(path="x", text="y", task="1", name=f"{output(1)}")', "`name=` says what"),
        (
            'steps.write(path="x", text=output("9"), task="1")',
            "reads what task `9` recorded, and that is not before it",
        ),
    ],
)
def test_a_call_that_does_not_fit_is_refused_in_words(lab, call, told):
    """Before anything was done, with what to write instead, and no traceback."""
    lab.runbook("from handrail.engine import output", "here = begin()", call)
    refused(lab, told)


@pytest.mark.parametrize("key", ["_ignore_errors", "_retries"])
def test_what_the_inventory_says_of_all_calls_is_judged_as_well(lab, key):
    """pyinfra takes its arguments from there, too."""
    lab.inventory(**{key: 2})
    lab.runbook(WRITE)
    refused(lab, f"`{key}` (from the inventory")


def test_data_that_only_another_target_has_is_told_where_it_is_used(pair):
    """A call for the target that has it may name it; one for the other is refused by name."""
    pair.inventory()
    rooms = [("@control/one", {"room": str(pair.room("one")), "city": "Ulm"})]
    rooms += [("@control/two", {"room": str(pair.room("two"))})]
    (pair.folder / "lab.py").write_text(f"hosts = {rooms!r}\n")
    call = 'steps.write(path=f"{{room}}/a", task="{}", on="{}", text={})'
    made = ['f"in {here.city}"', '"-".join(here.city)', 'f"""{ {**here.city} }"""']
    calls = [call.format(task, "one", text) for task, text in enumerate(made[:2])]
    pair.runbook("here = begin()", *calls)
    assert pair.run().code == 0
    assert pair.read("a", "one") == "U-l-m"

    for text in made:
        pair.runbook("here = begin()", call.format("x", "two", text), name="other")
        ran = pair.run(runbook="other")
        assert ran.code == 1
        assert "`two` has no data `city`" in ran.said
        assert "\ue000" not in ran.said


def test_an_argument_that_a_call_leaves_out_is_the_target_s_data_of_that_name(lab):
    """The runbook says only what differs; a plan shows what was found, the ledger keeps it."""
    lab.inventory(text="from the inventory")
    lab.runbook('steps.write(path=f"{room}/a", task="1")')

    plan = lab.run("--dry", "--data", "diff=1")
    assert plan.code == 0
    assert 'of one: text="from the inventory"' in plan.said

    assert lab.run().code == 0
    assert lab.read("a") == "from the inventory"
    started = next(each for each in lab.entries() if each.event is Event.STEP_STARTED)
    assert started.body["arguments"]["text"] == "from the inventory"


def test_an_argument_may_come_from_a_part_of_the_target_s_data(lab):
    """As the step says; one act with the call that says it, and data of its own name is not it."""
    lab.inventory(board={"text": "new"}, text="something else")
    lab.runbook('steps.post(path=f"{room}/a", text="new", task="1")')
    assert lab.run().code == 0

    lab.runbook('steps.post(path=f"{room}/a", task="1")')
    plan = lab.run("--dry", "--data", "diff=1")
    assert 'of one: text="new"' in plan.said
    again = lab.run()
    assert again.code == 0, again.said
    assert lab.journal() == ["write a"]
    tasks = [each.event for each in lab.entries() if each.task == "1"]
    assert tasks.count(Event.STEP_STARTED) == 1


@pytest.mark.parametrize("board", [{}, {"board": {"size": 2}}, {"board": "a text"}])
def test_a_part_that_the_target_lacks_is_named(lab, board):
    """By the place where the inventory is to have it."""
    lab.inventory(text="something else", **board)
    lab.runbook('steps.post(path=f"{room}/a", task="1")')
    refused(lab, "leaves out `text`, and `one` has no data `board.text`", "add `board.text`")


def test_data_of_the_target_comes_before_the_default_of_a_step_and_after_the_call(lab):
    """Call, inventory, default: the nearest to the night counts."""
    lab.inventory(timeout_seconds=0.1)
    lab.runbook('steps.door_opens(path=f"{room}/door", task="1", poll_seconds=0.01)')
    plan = lab.run("--dry", "--data", "diff=1")
    assert "of one: timeout_seconds=0.1" in plan.said
    assert "poll_seconds=0.01" not in plan.said


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_plain_operation_of_pyinfra_is_refused_before_anything_runs(lab, place):
    """It would run on though the run has stopped; the line to write instead is shown."""
    plain = 'server.shell(name="Touch", commands=[f"touch {room}/plain"], _timeout=3)'
    calls = [plain, WRITE] if place == "before" else [WRITE, plain]
    lab.runbook("from pyinfra.operations import server", *calls)
    refused(
        lab,
        "`server.shell` (up.py:",
        "yield from uses(server.shell, commands=[f'touch {room}/plain'])",
    )
    assert lab.read("plain") is None


def test_a_deploy_of_pyinfra_is_refused_by_its_name(lab):
    """It is a function that calls operations; each of them belongs into a step."""
    (lab.folder / "lots.py").write_text(
        "from pyinfra.api import deploy\n"
        "from pyinfra.operations import server\n"
        "@deploy('All at once')\n"
        "def all_at_once():\n"
        '    server.shell(commands=["true"])\n'
    )
    lab.runbook("import lots", "lots.all_at_once()")
    refused(lab, "`lots.all_at_once` (up.py:", "calls pyinfra's own operations", "uses(OPERATION")


def test_a_plain_operation_before_begin_is_refused(lab):
    """It stands in no ledger either."""
    (lab.folder / "up.py").write_text(
        "from pyinfra.operations import server\n"
        'server.shell(commands=["true"])\n'
        "from handrail.engine import begin\n"
        "begin()\n"
    )
    refused(lab, "stands before `begin()`")


def test_a_step_that_is_defined_in_the_runbook_is_refused(lab):
    """A rollback could not find it: it is moved into a module."""
    lab.runbook(
        "from handrail.engine import step, irreversible",
        '@step(ensures=lambda: True, rollback=irreversible("gone", instead="do it"))',
        "def act():",
        '    """Act."""',
        '    yield "true"',
        'act(task="1")',
    )
    refused(lab, "`act` is defined in the runbook file", "operations/act.py")


def test_a_loop_with_a_task_id_for_each_item_works(lab):
    """Forward, again, and back: each call is a task of its own."""
    lab.runbook(
        'for name in ["a", "b", "c"]:',
        '    steps.write(path=f"{room}/{name}", text="new", task=f"1.{name}")',
        'steps.write(path=f"{room}/d", text="new", task="2")',
    )
    assert lab.run().code == 0
    assert lab.journal() == ["write a", "write b", "write c", "write d"]
    assert lab.run().code == 0
    assert len(lab.journal()) == 4

    assert lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback").code == 0
    assert lab.journal()[4:] == ["restore d", "restore c", "restore b", "restore a"]


def test_a_loop_over_data_of_one_target_keeps_its_place_in_the_runbook(pair):
    """The order on record is the runbook's, whichever target is read first."""
    rooms = [("@control/one", {"room": str(pair.room("one"))})]
    rooms += [("@control/two", {"room": str(pair.room("two")), "names": ["a", "b"]})]
    (pair.folder / "lab.py").write_text(f"hosts = {rooms!r}\n")
    pair.runbook(
        "here = begin()",
        'steps.write(path=f"{room}/first", text="new", task="1")',
        "for name in here.names:",
        '    steps.write(path=f"{room}/{name}", text="new", task=f"2.{name}", on="two")',
        'steps.write(path=f"{room}/last", text="new", task="3")',
    )
    ran = pair.run()
    assert ran.code == 0, ran.said
    assert pair.journal("two") == ["write first", "write a", "write b", "write last"]
    assert list(dict.fromkeys(task for task, _ in pair.runs()[-1].tasks)) == [
        "1",
        "2.a",
        "2.b",
        "3",
    ]
    back = pair.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 0, back.said
    assert pair.journal("two")[4:] == ["restore last", "restore b", "restore a", "restore first"]


TARGETS = ("four", "two", "five", "one", "three")
MARK = 'steps.write(path=f"{room}/a", text="x", task="1"'


def began(lab):
    """Return the targets in the order in which they began."""
    return [each.target for each in lab.entries() if each.event is Event.STEP_STARTED]


def test_serial_keeps_the_order_of_the_inventory(many):
    """One target after the other, as the inventory names them."""
    many.runbook(f"{MARK}, _serial=True)")
    assert many.run().code == 0
    assert began(many) == list(TARGETS)


def test_a_canary_goes_first_and_stops_the_others_where_it_fails(many):
    """So many targets, in the inventory's order; the rest begins when these are proven."""
    many.put("broken", target="two")
    many.runbook(f"{MARK}, canary=2)")
    assert many.run().code == 1
    assert began(many) == ["four", "two"]

    many.clear("broken", target="two")
    assert many.run().code == 0
    assert began(many)[:3] == ["four", "two", "two"]
    assert sorted(began(many)[3:]) == ["five", "one", "three"]


def test_a_later_call_reads_what_an_earlier_one_recorded(lab):
    """Whole and inside of a text, on the night and on resume."""
    lab.put("door", "yes")
    lab.put("broken")
    lab.runbook(
        "from handrail.engine import output",
        'steps.measure(path=f"{room}/door", task="1")',
        'steps.write(path=f"{room}/a", text=f"says {output(\'1\')[\'text\']}", task="2")',
        'steps.count(path=f"{room}/b", number=output("1")["size"], task="3")',
    )
    plan = lab.run("--dry")
    assert "not told yet" in plan.said
    assert "\ue000" not in plan.said

    assert lab.run().code == 1
    lab.clear("broken")
    again = lab.run()
    assert again.code == 0, again.said
    assert lab.read("a") == "says yes"
    assert lab.read("b") == "***"
    assert lab.run().code == 0
    assert lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback").code == 0
    assert lab.read("a") is lab.read("b") is None


def test_a_call_that_reads_what_nobody_recorded_is_refused_by_name(lab):
    """What was recorded instead stands in the refusal."""
    lab.put("door", "yes")
    lab.runbook(
        "from handrail.engine import output",
        'steps.measure(path=f"{room}/door", task="1")',
        'steps.write(path=f"{room}/a", text=output("1")["color"], task="2")',
    )
    ran = lab.run()
    assert ran.code == 1
    assert "it recorded no `color` on `one`, but `size`, `text`" in ran.said
    assert "Traceback" not in ran.said


SHELF = """
from handrail.engine import Commands, call, step
from lab import steps

@step(captures=steps.content, ensures=steps.file_says, rollback=steps.restore, idempotent=True)
def {name}(path: str, text: str) -> Commands:
    \"""Make a file say something.\"""
    yield call(steps.effect, path, text)
"""
NOTE = 'notes.{name}(path=f"{{room}}/a", text="new", task="1")'


def shelve(lab, module, name, aliases=""):
    """Write a folder of steps, and a runbook that calls the one step in it."""
    shelf = lab.folder / "shelf"
    shelf.mkdir(exist_ok=True)
    (shelf / "__init__.py").write_text(aliases)
    for old in shelf.glob("*.py"):
        old.unlink() if old.name != "__init__.py" else None
    (shelf / f"{module}.py").write_text(SHELF.format(name=name))
    lab.runbook(f"from shelf import {module} as notes", NOTE.format(name=name))


def test_a_run_goes_on_under_the_new_name_of_a_step(lab):
    """A table of aliases ties the names: nothing is done twice, and the way back is found."""
    shelve(lab, "notes", "write")
    assert lab.run().code == 0

    shelve(lab, "paper", "put", 'ALIASES = {"shelf.notes.write": "shelf.paper.put"}')
    again = lab.run()
    assert again.code == 0, again.said
    assert lab.journal() == ["write a"]
    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 0, back.said
    assert lab.read("a") is None


def test_without_a_line_in_the_table_a_new_name_is_told(lab):
    """The way back names the table that would lead to it."""
    shelve(lab, "notes", "write")
    assert lab.run().code == 0
    shelve(lab, "paper", "put")
    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 1
    assert "step `shelf.notes.write` was not found" in back.said
    assert "add a line to `ALIASES`" in back.said


LATER = """
from handrail.engine import Commands, call, step
from lab import steps

def looked(path: str) -> dict[str, object]:
    \"""Return what the file says, and how long that is.\"""
    text = steps.content(path)
    return {{"text": text, {more}}}

def restored(path: str, before: dict[str, object]) -> None:
    \"""Put it back.\"""
    steps.restore(path, before["text"])

@step(captures=looked, ensures=steps.file_says, rollback=restored, idempotent=True)
def write(path: str, text: str) -> Commands:
    \"""Make a file say something.\"""
    yield call(steps.effect, path, text)
"""


def test_a_snapshot_that_holds_more_today_is_held_against_what_was_captured_then(lab):
    """Where a line of the table says what came later; without it nothing old can be proven."""
    shelve(lab, "notes", "write")
    module = lab.folder / "shelf" / "notes.py"
    module.write_text(LATER.format(more=""))
    assert lab.run().code == 0
    module.write_text(LATER.format(more='"size": len(text or "")'))

    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 1
    assert "what it left there was changed since" in back.said
    (lab.folder / "shelf" / "__init__.py").write_text('CAPTURES = {"shelf.notes.write": ["size"]}')
    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")

    assert back.code == 0, back.said
    assert lab.read("a") is None


RENAMED = """
from handrail.engine import Commands, Finding, call, step
from lab import steps

def content(file: str) -> object:
    \"""Return what the file says.\"""
    return steps.content(file)

def says(file: str, text: str) -> Finding:
    \"""The file says the text.\"""
    return steps.file_says(file, text)

def restore(file: str, before: str | None) -> None:
    \"""Put it back.\"""
    steps.restore(file, before)

@step(captures=content, ensures=says, rollback=restore, idempotent=True)
def write(file: str, text: str) -> Commands:
    \"""Make a file say something.\"""
    yield call(steps.effect, file, text)
"""


def rename_argument(lab, table):
    """Let the step of the folder call its `path` a `file`."""
    (lab.folder / "shelf" / "__init__.py").write_text(table)
    (lab.folder / "shelf" / "notes.py").write_text(RENAMED)
    lab.runbook("from shelf import notes", NOTE.format(name="write").replace("path=", "file="))


def test_a_run_goes_on_under_the_new_name_of_an_argument(lab):
    """It is the same act of the same subject: drift is still drift, and the way back is found."""
    shelve(lab, "notes", "write")
    assert lab.run().code == 0

    rename_argument(lab, 'ARGUMENTS = {"shelf.notes.write": {"path": "file"}}')
    again = lab.run()
    assert again.code == 0, again.said
    assert lab.journal() == ["write a"]
    lab.put("a", "somebody else's")
    assert "drift" in lab.run().said
    redone = lab.run("--data", "drift=1:redo", "--data", "reason=x")
    assert redone.code == 0, redone.said
    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 0, back.said
    assert lab.read("a") is None


def test_without_a_line_in_the_table_a_new_argument_is_another_subject(lab):
    """Nobody can know that `file` is what was called `path`."""
    shelve(lab, "notes", "write")
    assert lab.run().code == 0
    rename_argument(lab, "")
    lab.put("a", "somebody else's")
    ran = lab.run()
    assert ran.code == 1
    assert "`file` was `None`" in ran.said


def test_a_call_has_one_name_on_every_target(pair):
    """Also where it is not for a target: pyinfra would join two names into one heading."""
    pair.runbook('steps.write(path=f"{room}/a", text="x", task="1", name="Say it", on="two")')

    ran = pair.run()

    assert "] 1 two  Say it  " in ran.said


def test_a_receipt_from_before_a_step_took_an_argument_is_put_back(lab):
    """What the step takes today and did not take then is the target's data of that name."""
    shelve(lab, "notes", "write")
    assert lab.run().code == 0

    lab.inventory(pace=2)
    notes = lab.folder / "shelf" / "notes.py"
    clause = "lambda path, before, pace: steps.restore(path, before) if pace == 2 else None"
    text = notes.read_text().replace("rollback=steps.restore", f"rollback={clause}")
    notes.write_text(text.replace("text: str)", "text: str, pace: int)"))
    back = lab.run("--data", "run=latest", "--data", "reason=x", runbook="rollback")
    assert back.code == 0, back.said
    assert lab.read("a") is None


def test_the_pauses_of_a_client_are_told_apart_from_its_work(lab):
    """A person who wants it faster sees at once what is not ours to make faster."""
    lab.runbook(WRITE, 'steps.slow_call(path=f"{room}/b", text="2", seconds=0.2, task="2")')
    assert lab.run().code == 0

    facts = {e.task: e.body["facts"] for e in lab.entries() if e.event is Event.STEP_CHANGED}

    assert WAITED not in facts["1"]
    assert facts["2"][WAITED] == 0.2

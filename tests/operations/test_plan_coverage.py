"""The runbooks hold every task of the plan, once, and nothing but calls."""

import ast
from pathlib import Path

import pytest
import yaml

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
# The leaf tasks of the migration plan, in its own numbers.
PLAN = {
    "cutover": {
        *("1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "3.3", "3.4", "4", "5.1", "5.2", "5.3"),
        *("5.4", "5.5", "6.1"),
        *("6.2", "7", "8.1", "8.2", "8.3", "9.1", "9.2", "9.3", "9.4", "10", "11.1", "11.2"),
        *("11.3", "12", "13.1", "13.2", "13.3"),
    },
    "retire": {"14.1", "14.2", "14.3", "15.1", "15.2", "15.3", "16"},
}
REQUIREMENTS = "inventory/rotc.requirements.yaml"
# The requirements that each of them cites there.
CITED = """
1.1 1.6 | 1.2 1.7 | 2.1 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 | 2.2 1.9 1.10 | 3.1 2.1 2.2 2.9
3.2 2.3 2.4 | 3.3 2.5 2.6 2.7 | 3.4 2.8 | 5.1 3.1 | 5.2 3.2 3.3 3.7 3.9 3.10 | 5.3 3.8 | 6.1 9.1 9.2
6.2 9.3
8.1 4.1 | 8.2 4.3 4.5 4.6 | 8.3 4.8 10.1 10.2 10.3 10.4 10.7 | 9.1 9.5 | 9.2 4.1 4.2
9.3 4.3 4.4 4.5 4.6 4.7 | 9.4 4.8 4.9 10.1 10.2 10.3 10.4 10.5 10.6 10.7 10.8 10.9 10.10
11.1 9.4 9.6 9.7 9.8 | 11.2 9.4 | 11.3 9.9 9.10 | 13.1 5.1 5.2 5.3 5.4 5.5 5.6 5.10 | 13.2 5.9
13.3 5.7 5.8 | 14.1 7.1 | 14.2 7.2 7.3 7.4 7.7 7.8 7.9 | 14.3 7.5 7.6 7.10 | 15.1 8.1 8.2 8.3 8.4
15.2 8.5 8.6 8.7 8.8 | 15.3 8.9 8.10
"""
# Who a call is for; a call without it would be made on the clone and on both systems alike.
TARGETS = {"repository", "system", "staging", "production"}
# Staging, the proof of the way back, and only then the frozen night.
ORDER = (
    "4",
    "6.1",
    "13.2",
    "9.0.2",
    "9.1",
    "9.2",
    "9.3",
    "9.4",
    "10",
    "11.1",
    "11.2",
    "11.3",
    "12",
)


def calls(name):
    """Return the calls of steps and gates in a runbook, in order."""
    tree = ast.parse((RUNBOOKS / f"{name}.py").read_text(encoding="utf-8"))
    found = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    called = [each for each in found if isinstance(each, ast.Call)]
    # a hold is a place where a run may stop: it has a label, and is nobody's task
    return [
        each for each in called if not (isinstance(each.func, ast.Name) and each.func.id == "hold")
    ]


def said(call, name):
    """Return a literal argument of a call."""
    found = {each.arg: each.value for each in call.keywords}
    assert name in found, f"line {call.lineno}: no `{name}=`"
    return ast.literal_eval(found[name])


@pytest.mark.parametrize("name", PLAN)
def test_every_task_of_the_plan_is_a_call(name):
    """A task that no call carries is one that somebody would have to remember at night."""
    tasks = [said(call, "task") for call in calls(name)]
    assert set(tasks) >= PLAN[name], sorted(PLAN[name] - set(tasks))


@pytest.mark.parametrize("name", PLAN)
def test_a_task_that_is_not_the_plans_stands_under_one_that_is(name):
    """`3.1.1` serves `3.1`; `0.1` and `14.0` come before the first of theirs."""
    plan = {task.partition(".")[0] for tasks in PLAN.values() for task in tasks} | {"0"}
    for call in calls(name):
        assert said(call, "task").partition(".")[0] in plan


@pytest.mark.parametrize("name", [*PLAN, "verify", "release"])
def test_each_call_has_a_task_of_its_own_a_sentence_and_a_target(name):
    """What somebody reads before they say yes."""
    found = calls(name)
    tasks, sentences = ([said(call, key) for call in found] for key in ("task", "name"))
    assert len(set(tasks)) == len(tasks)
    for sentence in sentences:
        assert sentence[0].isupper(), sentence
        assert len(sentence.split()) >= 3, sentence
        assert not sentence.endswith("."), sentence
    assert {said(call, "on") for call in found} <= TARGETS


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_runbook_holds_no_logic(path):
    """No `if`, no `def`, no loop, no arithmetic: pyinfra reads it once for each target."""
    logic = (
        *(ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.With, ast.BinOp, ast.BoolOp),
        *(ast.Compare, ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.comprehension),
    )
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, logic), f"{path.name}:{node.lineno}"


def test_production_is_touched_only_after_the_way_back_was_walked():
    """Staging first, then the trial, then the freeze, the backup and the rows, then the users."""
    tasks = [said(call, "task") for call in calls("cutover")]
    places = [tasks.index(task) for task in ORDER]
    assert places == sorted(places)


def test_every_task_is_traced_to_the_requirements_that_the_plan_cites():
    """By the file that both runbooks name; no task of it is one that no runbook has."""
    declared = yaml.safe_load((RUNBOOKS.parent / REQUIREMENTS).read_text(encoding="utf-8"))["tasks"]
    tasks = {said(call, "task") for name in PLAN for call in calls(name)}

    for line in CITED.replace("\n", " | ").split("|"):
        task, *ids = line.split() or [""]
        assert declared.get(task, []) == ids, task
    assert declared.keys() <= tasks


@pytest.mark.parametrize("name", PLAN)
def test_a_runbook_of_the_plan_names_the_file_of_its_requirements(name):
    """Else nothing is traced."""
    assert f'requirements="{REQUIREMENTS}"' in (RUNBOOKS / f"{name}.py").read_text(encoding="utf-8")

"""A contract that does not fit its step is told at import, by the name of the clause."""

import pytest

import operations
from handrail.engine import Commands, Secret, call, gate, irreversible, step
from handrail.engine.contract import load
from handrail.engine.names import current_name, former_names
from handrail.ledger.errors import RunbookError


def stands(path: str) -> bool:
    """Something stands there."""
    return bool(path)


def reading(path: str) -> str:
    """Return what is there."""
    return path


def put_back(path: str, before: str) -> None:
    """Put it back."""


def body(path: str) -> Commands:
    """Do something."""
    yield call(print, path)


def of_another(service: str) -> bool:
    """Something else stands."""
    return bool(service)


@pytest.mark.parametrize(
    "clause", ["requires", "captures", "ensures", "rollback", "preview", "cancels"]
)
def test_a_clause_that_takes_an_unknown_name_is_refused_by_its_name(clause):
    """The message names step, clause, function and the argument that the step has not."""
    clauses = {"captures": reading, "ensures": stands, "rollback": put_back}
    clauses[clause] = [of_another] if clause == "requires" else of_another
    with pytest.raises(TypeError, match=rf"body: `{clause}` clause `of_another` takes `service`"):
        step(**clauses)(body)


def test_only_a_rollback_may_take_what_was_before():
    """`before` is captured after `ensures` and `requires` were asked, so they cannot have it."""
    with pytest.raises(TypeError, match=r"`ensures` clause `put_back` takes `before`"):
        step(captures=reading, ensures=put_back, rollback=put_back)(body)


def test_a_rollback_without_captures_is_refused():
    """What was not read cannot be put back."""
    with pytest.raises(TypeError, match=r"body: `captures` is missing"):
        step(ensures=stands, rollback=put_back)(body)


def test_a_step_without_a_rollback_is_refused():
    """A way back, or the statement that there is none, is part of every step."""
    with pytest.raises(TypeError, match="rollback"):
        step(ensures=stands, captures=reading)(body)


def test_an_irreversible_step_needs_neither_captures_nor_rollback():
    """It says why, and what to do instead."""
    made = step(ensures=stands, rollback=irreversible("gone", instead="restore"))(body)
    assert made.contract.rollback.instead == "restore"


def test_a_body_without_yield_is_refused():
    """A body that returns would change the world while pyinfra plans."""

    def act(path: str) -> None:
        """Do something at once."""

    with pytest.raises(TypeError, match=r"act: the body yields no command"):
        step(captures=reading, ensures=stands, rollback=put_back)(act)


def test_a_gate_with_yield_is_refused():
    """A gate observes."""
    with pytest.raises(TypeError, match=r"body: a gate returns a Finding"):
        gate(fix="see")(body)


def test_an_annotation_that_is_not_known_at_run_time_is_refused():
    """An annotation says how an argument is read from the inventory."""

    def act(path: "Unheard") -> Commands:  # noqa: F821  the point of the test
        """Do something."""
        yield call(print, path)

    with pytest.raises(TypeError, match=r"act: an annotation is not known at run time: .*Unheard"):
        step(captures=reading, ensures=stands, rollback=put_back)(act)


@pytest.mark.parametrize("taken", ["name", "on"])
def test_an_argument_with_a_name_that_the_call_uses_is_refused(taken):
    """`name=` and `on=` in a runbook are about the call, not for the step."""
    made = {}
    source = f"def act({taken}: str):\n    yield {taken}\n"
    exec(source, made)  # the name of the argument is what varies
    made["act"].__module__ = "lab"
    clauses = {"rollback": irreversible("gone", instead="restore"), "ensures": lambda: True}
    with pytest.raises(TypeError, match=rf"lab.act: `{taken}` means something else in a call"):
        step(**clauses)(made["act"])


def test_a_contract_reads_secrets_from_their_references():
    """The annotation `Secret` makes a reference of the inventory a secret."""

    def act(path: str, value: Secret) -> Commands:
        """Do something."""
        yield call(print, path)

    made = step(captures=reading, ensures=stands, rollback=put_back)(act)
    assert made.contract.readers["value"]("env:KEY") == Secret("env:KEY")


def test_a_step_that_the_ledger_names_and_nobody_has_is_told():
    """A rollback of an older checkout's run says which checkout it needs."""
    with pytest.raises(RunbookError, match=r"step `nowhere.act` was not found"):
        load("nowhere.act")


def test_every_former_name_of_an_argument_leads_to_one_that_its_step_takes():
    """And the former name means nothing else today."""
    for name, table in operations.ARGUMENTS.items():
        takes = load(name).signature.parameters
        assert set(table.values()) <= takes.keys(), name
        assert not table.keys() & takes.keys(), name


def test_every_former_name_of_a_step_leads_to_one_that_is_there():
    """A line of the table that leads nowhere would strand the runs it was written for."""
    for former in operations.ALIASES:
        found = load(former)
        assert found.name == current_name(former)
        assert former in former_names(found.name)


def test_a_runbook_that_is_called_as_a_folder_of_steps_is_not_imported(tmp_path, monkeypatch):
    """`runbooks/verify.py` would begin a run of its own while names are looked up."""
    (tmp_path / "verify.py").write_text("raise AssertionError('a runbook was imported')")
    monkeypatch.syspath_prepend(tmp_path)

    assert current_name("verify.no_such_step") == "verify.no_such_step"

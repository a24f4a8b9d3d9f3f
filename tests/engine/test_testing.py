"""What an author tests with: the laws over a package, the lab, and the clock that skips."""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from handrail.ledger.entry import now
from handrail.testing import World, laws, over, this_machine
from tests.engine.lab import borrowing, steps

DAY = 24 * 3600


@contextmanager
def a_note(path, stands):
    """A file with a few lines, on this machine as pyinfra sees it."""
    path.write_text(stands)
    with this_machine():
        yield World({"path": str(path), "line": "y"}, path.read_text)


@pytest.mark.parametrize("rule", [laws.again, laws.proof, laws.back])
@pytest.mark.parametrize("stands", ["", "x\n", "x\ny\n"])
def test_the_laws_try_a_step_that_borrows_from_pyinfra(rule, stands, tmp_path):
    """Facts are read, and commands carried out, on this machine."""
    adopted = laws.contracts(borrowing)["tests.engine.lab.borrowing.line"]
    with a_note(tmp_path / "note", stands) as world:
        rule(adopted, world)


def test_a_step_without_a_world_is_told_by_name(pytester):
    """A class of tests for a module with a step that nobody tries fails, and names the step."""
    pytester.makepyfile(
        untried="""
        from handrail import step

        def stands(path: str) -> bool:
            return True

        def reading(path: str) -> str:
            return ""

        def put_back(path: str, before: str) -> None:
            return None

        @step(captures=reading, ensures=stands, rollback=put_back)
        def touch(path: str):
            yield f"touch {path}"
        """,
        test_laws="""
        import untried
        from handrail.testing import over

        TestEveryStep = over(untried)
        """,
    )
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    ran.assert_outcomes(failed=1, passed=1, skipped=4)
    ran.stdout.fnmatch_lines(['*write a `@harness("untried.touch")`*'])


def test_a_window_of_a_day_is_over_at_once_where_the_clock_skips(lab):
    """The gate goes on over a restart, by the same clock."""
    wait = f"timeout_seconds={DAY}, poll_seconds=3600"
    lab.runbook(f'steps.door_opens(path=f"{{room}}/door", task="1", {wait})')
    ran = lab.run(skipping=True)
    assert ran.code == 1
    assert "there was not enough to tell in the time given" in ran.said
    opened, closed = [each.at for each in lab.entries() if each.event.startswith("gate.")]
    assert opened[:10] < closed[:10]

    lab.put("door", "yes")
    assert lab.run(skipping=True).code == 0


def test_a_clock_that_skips_is_a_fixture(clock):
    """Time goes by when somebody waits for it."""
    before = now()
    clock.sleep(DAY)
    assert now() - before >= timedelta(seconds=DAY)


def test_steps_of_a_module_are_found_by_import():
    """A class of tests holds each of them to the laws it can be tried by."""
    made = over(steps)
    assert {"test_again", "test_proof", "test_back", "test_preview"} <= vars(made).keys()

"""A call keeps the step's own typed signature, so that a checker knows it before the night."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = """
from typing import Any
from operations import env, smoke

here: Any
"""
PUT = 'env.put(task="1", services=["web"], variables={"DEBUG": "false"}'


@pytest.fixture
def checked(tmp_path):
    """Return what tells what `mypy --strict` says of one call."""

    def check(call):
        path = tmp_path / "night.py"
        path.write_text(f"{HEAD}\n{call}\n")
        command = [sys.executable, "-m", "mypy", "--strict", str(path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout

    return check


@pytest.mark.parametrize(
    "call",
    [
        f"{PUT})",
        f'{PUT}, render=here.render, name="Set it", on="system", canary=1, _serial=True)',
        'smoke.health(task="2", timeout_seconds=60)',
        'smoke.health(task="2", timeout_seconds=60, web_url="https://x", _sudo=True)',
    ],
)
def test_a_call_may_leave_out_what_comes_from_the_target_or_the_run(checked, call):
    """And say where and how it runs, as pyinfra's own operations do."""
    assert "Success" in checked(call)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (PUT.replace("services", "serviices") + ")", 'Unexpected keyword argument "serviices"'),
        (PUT.replace('["web"]', "3") + ")", 'Argument "services"'),
        ('env.put(task="1", services=["web"])', "Missing"),
        ("smoke.health(timeout_seconds=60)", "Missing"),
        (f'{PUT}, canary="one")', 'Argument "canary"'),
    ],
)
def test_a_call_that_does_not_fit_is_told_by_the_type_checker(checked, call, told):
    """A misspelt or missing argument, or one of another type, fails before anything runs."""
    assert told in checked(call)

"""No secret of an inventory gets out of any step: run, rolled back, watched all the while.

Each step is found by import and tried in the world of its laws, by the real command line. Every
secret there is handed to it in an environment variable; afterwards it is looked for, in every form,
in what was said, in the ledger, the log and whatever else lies beside them, and in the command line
and the environment of every process that was started.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import operations
from handrail.clients.masked_forms import forms
from handrail.engine.contract import Irreversible
from handrail.testing.lab import PYINFRA, ROLLBACK
from handrail.testing.laws import contracts, harnesses
from tests.operations import laws
from tests.operations.desk import forking
from tests.operations.laws import RUN
from tests.operations.watch import Watch

STEPS = contracts(operations)
SHORTEST = 6
# PostgreSQL's programs find their password in their environment, and each has only its own.
HANDED = {"psql", "pg_dump", "pg_restore", "stdbuf", "perl"}  # the last is Debian's wrapper
ONCE = settings(
    max_examples=1,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
assert laws.__doc__


class Canaries:
    """The secrets of some arguments, moved into variables, and where they were found."""

    def __init__(self) -> None:
        """Begin without one."""
        self.values: dict[str, str] = {}

    def move(self, data):
        """Return arguments whose secrets are named by a variable each."""
        if isinstance(data, dict):
            return {key: self.move(each) for key, each in data.items()}
        if isinstance(data, list):
            return [self.move(each) for each in data]
        if isinstance(data, str) and data.startswith("file:"):
            name = f"CANARY_{len(self.values)}"
            self.values[name] = Path(data.removeprefix("file:")).read_text().rstrip("\n")
            return f"env:{name}"
        return data

    def databases(self) -> set[str]:
        """Return those that are the address of a database."""
        return {name for name, value in self.values.items() if value.startswith("postgres")}

    def found(self, text: bytes) -> list[str]:
        """Return which of them stand in a text, in whatever form."""
        return [
            name
            for name, value in self.values.items()
            if any(
                form.text.encode() in text for form in forms(value) if len(form.text) >= SHORTEST
            )
        ]


@pytest.mark.parametrize("name", STEPS)
@ONCE
@given(data=st.data())
def test_no_secret_gets_out_of_a_step(name, data):
    """Neither by what it says and leaves, nor by what it starts."""
    contract = STEPS[name]
    with harnesses()[name](data) as world, TemporaryDirectory(prefix="canary-") as directory:
        folder, canaries = Path(directory, "desk"), Canaries()
        folder.mkdir()
        arguments = canaries.move(world.arguments)
        module = name.partition(".")[0]
        (folder / "up.py").write_text(
            f"from operations import {module}\nfrom handrail.engine import begin\n\nbegin()\n"
            f"{name}(task={world.task!r}, **{arguments!r})\n"
        )
        (folder / "rollback.py").write_text(ROLLBACK)
        told = {"environment": "canary", "ledger": str(folder / "memory" / "canary.sqlite")}
        (folder / "desk.py").write_text(f"hosts = [('@control/one', {told!r})]\n")
        keep_for_the_run(arguments)
        back = ["--data", "run=latest", "--data", "reason=a canary"]
        again = [["rollback.py", *back]] if not isinstance(contract.rollback, Irreversible) else []

        with Watch(forking().process.pid) as watch:
            said = [run(folder, canaries, *each) for each in [["up.py", "-vvv"], *again]]

        assert [code for code, _ in said] == [0] * len(said), said[0][1].decode()
        kept = b"".join(
            path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.parent.suffix != ".sealed"
        )
        assert canaries.found(kept + b"".join(text for _, text in said)) == []
        for child in watch.seen:
            assert canaries.found(child.command) == [], child.program
            allowed = canaries.databases() if child.program in HANDED else set()
            assert set(canaries.found(child.environment)) <= allowed, child.program


def keep_for_the_run(arguments):
    """Let the folder of the run that the laws name be that of this one: it is called by the minute.

    A world may hold what an earlier task of the run made, such as the backup before a load.
    """
    made = Path(str(arguments.get("directory", "")), RUN)
    if made.parent != Path() and made.exists():
        for minutes in range(3):
            minute = datetime.now(UTC) + timedelta(minutes=minutes)
            made.with_name(f"up-{minute:%Y%m%dT%H%MZ}").symlink_to(made)


def run(folder, canaries, *arguments):
    """Run one command; return its status and what it said."""
    output = folder.with_name("said")
    output.write_text("")
    env = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [str(PYINFRA), "-y", "desk.py", *arguments]
    code = forking().run(command, folder, env | canaries.values, output)
    return code, output.read_bytes()

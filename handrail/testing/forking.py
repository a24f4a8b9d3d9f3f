"""The program that has imported pyinfra once, and runs commands in forks of itself."""

import atexit
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


class Warm:
    """A process that has imported pyinfra and forks for each command; see `warm.py`."""

    def __init__(self, program: Path, path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(program)],  # what lies beside a program is nobody's import
            env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.end)

    def run(
        self,
        command: list[str],
        folder: Path,
        env: dict[str, str],
        output: Path,
        errors: Path | None = None,
    ) -> int:
        """Run one command, and return its exit status.

        Args:
            command: Its program and its arguments.
            folder: Where it works.
            env: The whole of its environment.
            output: File that what it says is added to.
            errors: The same of stderr; `output` where none is named.
        """
        asked = {"command": command, "folder": str(folder), "env": env}
        asked |= {"output": str(output), "errors": str(errors or output)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"{command} took the whole process down: {output.read_text()}"
        return int(answer)

    def end(self) -> None:
        """Let it go."""
        self.process.communicate()


@cache
def forking(program: Path, path: str) -> Warm:
    """Return the one of a program and import path; it lives as long as this process."""
    return Warm(program, path)


@dataclass
class Ran:
    """How one command ended, and all it said.

    Args:
        code: Exit status.
        said: What it said, on stderr as well unless that was to be kept apart.
        errors: What it said on stderr, where that was kept apart.
    """

    code: int
    said: str
    errors: str = ""

    @property
    def closing(self) -> list[str]:
        """Return the last lines, from `Run …` or `Rollback …` or `Plan …` on."""
        lines = self.said.splitlines()
        starts = [n for n, line in enumerate(lines) if re.match(r"(Run|Rollback|Plan) ", line)]
        assert starts, self.said
        return lines[starts[-1] :]

    def command(self, label: str) -> list[str]:
        """Return a command of the closing lines, as it would be pasted."""
        for line in self.closing:
            name, _, text = line.strip().partition(":")
            if name == label:
                return ["sh", "-c", text.strip()]
        raise AssertionError(f"no `{label}:` in\n{self.said}")


def forked(
    program: Path, command: list[str], folder: Path, env: dict[str, str], *, apart: bool = False
) -> Ran:
    """Run a command to its end in a fork of a program that has imported what it needs."""
    with TemporaryDirectory(prefix="handrail-said-") as place:
        said, errors = Path(place, "said"), Path(place, "errors")
        warm = forking(program, env.get("PYTHONPATH", ""))
        code = warm.run(command, folder, env, said, errors if apart else said)
        return Ran(code, said.read_text(), errors.read_text() if apart else "")

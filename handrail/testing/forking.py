"""The program that has imported pyinfra once, and runs commands in forks of itself."""

import atexit
import json
import os
import re
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

Asked = dict[str, object]


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
        asked: Asked = {"command": command, "folder": str(folder), "env": env}
        asked |= {"output": str(output), "errors": str(errors or output)}
        return self._answer(asked)

    def start(
        self, command: list[str], folder: Path, env: dict[str, str], place: Path
    ) -> "Started":
        """Start one command in a session of its own; what it says goes to a file of the place."""
        output, told = place / "said", place / "told"
        output.touch()
        os.mkfifo(told)
        asked: Asked = {"command": command, "folder": str(folder), "env": env}
        self._answer(asked | {"output": str(output), "errors": str(output), "told": str(told)})
        return Started(told, output)

    def _answer(self, asked: Asked) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"{asked['command']} took the whole process down"
        return int(answer)

    def end(self) -> None:
        """Let it go."""
        self.process.communicate()


class Started:
    """A command at work in a session of its own: what a test asks of `subprocess.Popen`.

    Args:
        told: Pipe in which its process and its exit status are told.
        output: File that takes all it says.
    """

    def __init__(self, told: Path, output: Path) -> None:
        self._told, self._output = os.open(told, os.O_RDONLY), output
        self.pid = self._line()
        self.returncode: int | None = None

    def _line(self) -> int:
        """Read one line, and nothing ahead of it."""
        text = b""
        while not text.endswith(b"\n"):
            byte = os.read(self._told, 1)
            assert byte, "whoever waits for the command is gone"
            text += byte
        return int(text)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns its exit status.

        Raises:
            TimeoutExpired: it was not over after so many seconds.
        """
        if self.returncode is None:
            end = select.poll()
            end.register(self._told, select.POLLIN)
            if not end.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = self._line()
            os.close(self._told)
        return self.returncode

    def poll(self) -> int | None:
        """Return its exit status; None while it is at work."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; returns all it said, and nothing."""
        self.wait(timeout)
        return self._output.read_text(), ""

    def send_signal(self, which: int) -> None:
        """Send it a signal, unless it is over."""
        if self.poll() is None:
            os.kill(self.pid, which)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


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

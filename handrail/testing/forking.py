"""The program that has imported pyinfra once, and runs commands in forks of itself."""

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path


class Warm:
    """A process that has imported pyinfra and forks for each command; see `warm.py`."""

    def __init__(self, program: Path, path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(program)],
            env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.end)

    def run(self, command: list[str], folder: Path, env: dict[str, str], output: Path) -> int:
        """Run one command and return its exit status."""
        asked = {"command": command, "folder": str(folder), "env": env, "output": str(output)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"{command} took the whole process down: {output.read_text()}"
        return int(answer)

    def end(self) -> None:
        """Let it go."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


@cache
def forking(program: Path, path: str) -> Warm:
    """Return the one of a program and import path; it lives as long as this process."""
    return Warm(program, path)

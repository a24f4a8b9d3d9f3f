"""One rehearsal world and the commands an operator types in it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.rehearsal.layout import Layout
from tests.rehearsal.lifecycle import ROOT

INVENTORY = "inventory/rehearsal.py"
PROGRAMS = Path(sys.executable).parent
PATIENCE_SECONDS = 240


@dataclass
class Night:
    """A world, and everything its commands ever printed."""

    layout: Layout
    said: list[str] = field(default_factory=list)

    @property
    def ledger(self) -> Path:
        return self.layout.directory / "ledger.sqlite"

    @property
    def production(self) -> dict[str, Any]:
        return self.layout.read()["environments"]["production"]

    def secret(self, name: str, environment: str = "production") -> str:
        return self.layout.secret(environment, name).read_text(encoding="utf-8").strip()

    def command(self, runbook: str, *data: str, dry: bool = False) -> list[str]:
        given = [part for each in data for part in ("--data", each)]
        mode = "--dry" if dry else "-y"
        return [str(PROGRAMS / "pyinfra"), mode, INVENTORY, f"runbooks/{runbook}.py", *given]

    def run(self, runbook: str, *data: str, dry: bool = False) -> tuple[int, str]:
        answer = subprocess.run(
            self.command(runbook, *data, dry=dry),
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        self.said.append(answer.stdout + answer.stderr)
        return answer.returncode, self.said[-1]

    def run_and_kill(self, runbook: str, *data: str, when: Any) -> None:
        """Start a command and kill it with SIGKILL once the ledger says what is waited for."""
        with (self.layout.directory / "killed.out").open("w+") as output:
            process = subprocess.Popen(
                self.command(runbook, *data),
                cwd=ROOT,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not when(self.states()):
                assert process.poll() is None, f"it ended before it could be killed: {output.name}"
                assert time.monotonic() < deadline, "the moment to kill it never came"
                time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            process.wait()
            output.seek(0)
            self.said.append(output.read())

    def states(self) -> dict[tuple[str, str], str]:
        """Return the newest run's task states by task and target."""
        if not self.ledger.exists():
            return {}
        status = json.loads(self.runbook("status", "--json")[1])
        return {(each["task"], each["target"]): each["state"] for each in status["tasks"]}

    def runbook(self, *arguments: str) -> tuple[int, str]:
        answer = subprocess.run(
            [PROGRAMS / "runbook", *arguments, "--ledger", str(self.ledger)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.returncode, answer.stdout

    def sign_in(self, base: str, path: str, account: dict[str, str]) -> requests.Response:
        form = {"username": account["username"], "password": account["password"]}
        return requests.post(base + path, json=form, timeout=20)

    def canaries(self) -> list[dict[str, str]]:
        return json.loads(self.secret("canaries"))

    def frontend_config(self) -> dict[str, str]:
        return requests.get(f"{self.production['frontend_url']}/config.json", timeout=20).json()

    def tip(self, path: str) -> str:
        """Return what identifies a path's content on the origin's branch."""
        found = subprocess.run(
            ["git", "rev-parse", f"main:{path}"],
            cwd=self.layout.origin,
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.strip()

    def up(self, rows: int) -> None:
        self._world("up", "--rows", str(rows))

    def down(self) -> None:
        self._world("down")

    def _world(self, command: str, *options: str) -> None:
        call = [sys.executable, "-m", "tests.rehearsal", command, *options]
        subprocess.run([*call, "--dir", str(self.layout.directory)], cwd=ROOT, check=True)

    def _environment(self) -> dict[str, str]:
        return os.environ | {"REHEARSAL_DIR": str(self.layout.directory)}

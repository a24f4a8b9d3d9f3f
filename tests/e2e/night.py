"""One rehearsal world and the commands an operator types in it."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rehearsal.layout import Layout
from rehearsal.lifecycle import ROOT

from handrail.cli.__main__ import main

PROGRAMS = Path(sys.executable).parent
PATIENCE_SECONDS = 300
States = dict[tuple[str, str], str]


@dataclass
class Night:
    """A world, and everything its commands ever printed.

    Args:
        layout: Where it lives.
        memory: Address of its ledger; empty for a file in its directory.
        root: The checkout that commands are typed in.
        round_trip_ms: How far the databases are from an operator; nobody sits beside them.
    """

    layout: Layout
    memory: str = ""
    root: Path = ROOT
    round_trip_ms: str = "10"
    said: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    as_found: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        """The ledger of this world."""
        return self.layout.directory / "ledger.sqlite"

    @property
    def production(self) -> dict[str, Any]:
        """Addresses of the production system."""
        return self.layout.read()["environments"]["production"]

    def secret(self, name: str, environment: str = "production") -> str:
        """Return the value of one of the world's secrets."""
        return self.layout.secret(environment, name).read_text(encoding="utf-8").strip()

    def run(self, line: str, seconds: float = PATIENCE_SECONDS) -> tuple[int, str]:
        """Run a command line as the README spells it; return its exit status and all it printed."""
        self.typed.append(line)
        answer = subprocess.run(
            line,
            shell=True,
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        self.said.append(answer.stdout)
        return answer.returncode, answer.stdout

    def run_and_kill(self, line: str, when: Callable[[States], bool]) -> int:
        """Run a command line, and kill its pyinfra with SIGKILL once the ledger says so."""
        self.typed.append(line)
        with (self.layout.directory.parent / "killed.out").open("w+", encoding="utf-8") as output:
            process = subprocess.Popen(
                line,
                shell=True,
                cwd=self.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not when(self.states()):
                assert process.poll() is None, f"it ended before it could be killed: {output.name}"
                assert time.monotonic() < deadline, "the moment to kill it never came"
                time.sleep(0.2)
            os.kill(self.writer(), signal.SIGKILL)
            process.wait(timeout=PATIENCE_SECONDS)
            output.seek(0)
            self.said.append(output.read())
        return process.returncode

    def writer(self) -> int:
        """Return the process that holds the ledger's lease."""
        with closing(sqlite3.connect(self.ledger)) as db:
            return db.execute("SELECT pid FROM lease WHERE held = 1").fetchone()[0]

    def states(self) -> States:
        """Return the newest run's task states by task and target, as `handrail status` has them.

        Asked in this process: somebody who waits for a moment asks often, and a start of Python
        would slow down what is waited for.
        """
        with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()):
            code = main(["status", "--json", "--ledger", self.memory or str(self.ledger)])
        said = output.getvalue()
        if code not in (0, 1) or not said.startswith("{"):
            return {}
        status = json.loads(said)
        return {(each["task"], each["target"]): each["state"] for each in status["tasks"]}

    def handrail(self, *arguments: str) -> tuple[int, str]:
        """Run the `handrail` command; return its exit status and output."""
        answer = subprocess.run(
            [PROGRAMS / "handrail", *arguments, "--ledger", self.memory or str(self.ledger)],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.returncode, answer.stdout

    def sign_in(self, base: str, path: str, account: dict[str, str]) -> requests.Response:
        """Ask a backend for a token."""
        form = {"username": account["username"], "password": account["password"]}
        return requests.post(base + path, json=form, timeout=20)

    def canaries(self) -> list[dict[str, str]]:
        """Return the accounts whose passwords are known."""
        return json.loads(self.secret("canaries"))

    def frontend_config(self) -> dict[str, str]:
        """Return what the published frontend was built with."""
        return requests.get(f"{self.production['frontend_url']}/config.json", timeout=20).json()

    def render(self, method: str, path: str, **body: object) -> Any:  # Any: JSON
        """Ask the stand-in of Render something that Render itself does not have."""
        answer = requests.request(
            method,
            self.layout.read()["render"]["api"] + path,
            headers={"Authorization": f"Bearer {self.secret('render_key')}"},
            json=body or None,
            timeout=20,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def push(self, path: str, change: Callable[[str], str], message: str) -> None:
        """Change a file of the app and push it, as its people do."""
        with tempfile.TemporaryDirectory() as place:
            git = ["git", "-c", "user.name=Person", "-c", "user.email=person@example.test"]
            origin = str(self.layout.origin)
            subprocess.run([*git, "clone", "--quiet", origin, place], check=True)
            file = Path(place) / path
            before = file.read_text(encoding="utf-8")
            file.write_text(change(before), encoding="utf-8")
            assert file.read_text(encoding="utf-8") != before
            for line in (["commit", "--quiet", "-am", message], ["push", "--quiet"]):
                subprocess.run([*git, *line], cwd=place, check=True)

    def running(self) -> dict[str, str]:
        """Return the commit that each of production's Django services runs, as Render tells it."""
        found = {}
        for listed in self.render("GET", "/services?limit=100"):
            service = listed["service"]
            if service["name"] in self.production["services"].values():
                deploys = self.render("GET", f"/services/{service['id']}/deploys?status=live")
                found[service["name"]] = deploys[0]["deploy"]["commit"]["id"]
        return found

    def tip(self, path: str, commit: str = "main") -> str:
        """Return what identifies a path's content on the origin's branch."""
        found = subprocess.run(
            ["git", "rev-parse", f"{commit}:{path}"],
            cwd=self.layout.origin,
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.strip()

    def environment(self) -> dict[str, str]:
        """Return what its commands find in their environment."""
        path = f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        world = {
            "REHEARSAL_DIR": str(self.layout.directory),
            "REHEARSAL_ROUND_TRIP_MS": self.round_trip_ms,
            "LEDGER_URL": self.memory or str(self.ledger),
        }
        return os.environ | world | {"PATH": path}

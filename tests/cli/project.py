"""A project beside the library, and its commands as an operator types them."""

import os
import signal
import subprocess
from pathlib import Path

from handrail.testing import end, until

PUBLISH = ["pyinfra", "-y", "inventory/local.py", "runbooks/publish.py"]
BACK = ["pyinfra", "-y", "inventory/local.py", "runbooks/rollback.py"]
BACK += ["--data", "run=latest", "--data", "reason=tried"]


class Project:
    """A project in a folder, and an environment whose programs it uses."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        path = f"{programs}:{os.environ['PATH']}"
        self.env = {"PATH": path, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def killed(self) -> int:
        """Start the runbook, kill it while its first step is at work, and return how it ended.

        The program that copies the file takes its time, so that there is something to kill.
        """
        slow = self.folder.with_name("slow") / "cp"
        slow.parent.mkdir()
        slow.write_text('#!/bin/sh\ntouch "$0.begun"; sleep 30; exec /bin/cp "$@"\n')
        slow.chmod(0o755)
        process = subprocess.Popen(
            PUBLISH,
            cwd=self.folder,
            env=self.env | {"PATH": f"{slow.parent}:{self.env['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        until(slow.with_name("cp.begun").exists)
        process.send_signal(signal.SIGKILL)
        status = process.wait()
        self._end_orphans(slow)
        end(process)
        return status

    def _end_orphans(self, program: Path) -> None:
        """End what the killed run left behind: it would finish its work, and is not waited for."""
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"={program.parent}:".encode() in entry.read_bytes():
                    os.kill(int(entry.parent.name), signal.SIGKILL)
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue

    def there_and_back(self) -> None:
        """Go forward, killed midway and resumed, then back; each end is what it should be."""
        assert self.killed() == -signal.SIGKILL
        assert self.run("handrail", "status").returncode == 1

        there = self.run(*PUBLISH)
        assert there.returncode == 0, there.stdout
        assert "all 3 steps proven" in there.stdout
        assert (self.folder / "motd.txt").read_text() == "Welcome.\n"
        assert (self.folder / "messages.txt").read_text() == "motd.txt\n"
        assert self.run("handrail", "status").returncode == 0
        assert self.run("handrail", "verify").returncode == 0

        back = self.run(*BACK)
        assert back.returncode == 0, back.stdout
        assert not (self.folder / "motd.txt").exists()
        assert not (self.folder / "messages.txt").exists()

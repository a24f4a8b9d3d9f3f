"""Where the rehearsal world keeps what, and who runs it. Light to import: pyinfra does so often."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.processes import start_time

ENVIRONMENTS = ("staging", "production")
TARGETS = (*ENVIRONMENTS, "repository")
USUAL_DIRECTORY = ".rehearsal"
ELSEWHERE = "REHEARSAL_ELSEWHERE"  # another machine holds it, whose processes nobody sees here
DJANGO = {
    "web": "rotc-django-web",
    "channels": "rotc-django-channels",
    "worker": "rotc-celery-worker",
    "beat": "rotc-celery-beat",
}
LEGACY, FRONTEND, KEEPALIVE = "rotc-legacy", "rotc-frontend", "rotc-keepalive"


def service_name(environment: str, name: str) -> str:
    """Return a service's name on Render: staging has a prefix, production none."""
    return name if environment == "production" else f"{environment}-{name}"


@dataclass(frozen=True)
class Layout:
    """The files of a world in its directory."""

    directory: Path

    @classmethod
    def usual(cls) -> "Layout":
        """Return the world the operator means: ``REHEARSAL_DIR``, or ``.rehearsal`` here."""
        return cls(Path(os.environ.get("REHEARSAL_DIR") or USUAL_DIRECTORY).resolve())

    @property
    def marker(self) -> Path:
        """A file that says the directory is a world's, so it may be cleared."""
        return self.directory / ".rehearsal-world"

    @property
    def supervisor(self) -> Path:
        """Who runs the world: process id, start mark, scratch directories."""
        return self.directory / "supervisor.json"

    @property
    def description(self) -> Path:
        """What runs where; nothing secret. Written when everything is up."""
        return self.directory / "world.json"

    @property
    def log(self) -> Path:
        """What the supervisor says."""
        return self.directory / "world.log"

    @property
    def origin(self) -> Path:
        """The bare repository services deploy from."""
        return self.directory / "origin.git"

    @property
    def clone(self) -> Path:
        """The operator's working clone."""
        return self.directory / "clone"

    def secret(self, environment: str, name: str) -> Path:
        """Return the file of one secret."""
        return self.directory / "secrets" / environment / name

    def target(self, environment: str) -> Path:
        """Return where a target's backups and reports go."""
        return self.directory / "targets" / environment

    def supervisor_pid(self) -> int | None:
        """Return the living supervisor's process id; None when nothing runs."""
        known = read_json(self.supervisor)
        if known and start_time(known["pid"]) == known["started"]:
            return int(known["pid"])
        return None

    def read(self) -> dict[str, Any] | None:  # Any: JSON
        """Return the description of the running world; None when it is not up."""
        there = ELSEWHERE in os.environ or self.supervisor_pid()
        return read_json(self.description) if there else None


def read_json(path: Path) -> dict[str, Any] | None:  # Any: JSON
    """Read a JSON object; None when the file is absent or half written."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None


def write_json(path: Path, value: dict[str, Any]) -> None:  # Any: JSON
    """Write a JSON object so that a reader sees all of it or none."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    half.replace(path)


def write_secret(path: Path, value: str) -> None:
    """Write a secret to a file only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value + "\n")

"""The published files as they arrive, and a browser's surroundings that run the client's."""

import json
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any

import pytest
from rehearsal.binaries import find_node

FILES = Path(__file__).parents[2] / "inventory" / "files"
REPOSITORY = Path(__file__).parents[1] / "rehearsal" / "rehearsal" / "repo"
FACTS = {
    "api_url": "https://web.rotc.example",
    "ws_url": "wss://channels.rotc.example",
    "web_url": "https://web.rotc.example",
    "channels_url": "https://channels.rotc.example",
    "frontend_url": "https://rotc.example",
    "contacts": "Duty officer, +63 2 5550 0100",
    "archive_branch": "archive/nodejs-backend",
    "python_version": "3.11.0",
    "completion_document": "## Completion on production",
    "rollback_document": "## Rollback of cutover on production",
}
CLIENT = {
    "client/.env.production": "client/env.production",
    "client/src/utils/api.js": "client/api.js",
    "client/src/utils/websocket.js": "client/websocket.js",
}
CLIENT_TESTS = {
    f"client/tests/{name}": f"client/tests/{name}"
    for name in (
        *("errors.test.mjs", "properties.test.mjs", "surroundings.mjs"),
        *("package.json", "package-lock.json"),
    )
}
SCRIPTS = {
    "rotc_backend/scripts/export_nodejs_data.py": "scripts/export.py.txt",
    "rotc_backend/scripts/import_django_data.py": "scripts/import.py.txt",
    "rotc_backend/scripts/verify_migration.py": "scripts/verify.py.txt",
    "rotc_backend/scripts/mapping.yaml": "../rotc.yaml",
    "rotc_backend/scripts/requirements.txt": "scripts/requirements.txt",
    "rotc_backend/scripts/README.md": "scripts/README.md",
}
DOCUMENTS = {
    "README.md": "docs/README.md",
    **{
        f"docs/{name}.md": f"docs/{name}.md"
        for name in (
            *("API", "ARCHITECTURE", "DEPLOYMENT", "DEVELOPMENT"),
            *("MIGRATION", "ROLLBACK", "STATE_PRESERVATION"),
        )
    },
}


def published(source: str, facts: dict[str, str] | None = None) -> str:
    """Return a file as the runbook publishes it; without facts, as tasks 5.2 and 5.3 do."""
    return Template((FILES / source).read_text(encoding="utf-8")).substitute(facts or {})


class Browser:
    """Runs pieces of JavaScript with the client's modules, each in a fresh world."""

    def __init__(self, directory: Path) -> None:
        here = Path(__file__).with_name("browser.mjs")
        self.process = subprocess.Popen(
            [find_node().node, here, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, code: str, **world: Any) -> dict[str, Any]:
        """Run code that may use `api`, `live`, `world` and `args`; return what came of it.

        Args:
            code: JavaScript; its `return` becomes `value`, what it throws `failure`.
            world: `args`, `storage` and `answers`, all JSON.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"code": code, **world}) + "\n")
        answer = self.process.stdout.readline()
        assert answer, "node ended; its error is above"
        return dict(json.loads(answer))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A browser with the client's two modules in it."""
    directory = tmp_path_factory.mktemp("client")
    for name in ("api.js", "websocket.js"):
        (directory / name).write_text(published(f"client/{name}"), encoding="utf-8")
    started = Browser(directory)
    yield started
    started.close()


@pytest.fixture
def repository(tmp_path):
    """A copy of the app's repository with the published client in it."""
    ignore = shutil.ignore_patterns("node_modules", "dist", "rotc_backend", "server")
    copy = shutil.copytree(REPOSITORY, tmp_path / "repo", ignore=ignore)
    for path, source in (CLIENT | CLIENT_TESTS).items():
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_text(published(source, FACTS), encoding="utf-8")
    return copy

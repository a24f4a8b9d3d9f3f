"""The frontend of the legacy repository builds, and says what is missing when it cannot."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml
from rehearsal.binaries import find_node

from tests.rehearsal_legacy.conftest import REPOSITORY

LEGACY_URL = "https://rotc-legacy.onrender.com"


@pytest.fixture
def repository(tmp_path):
    """A copy of the repository as a clone would hold it."""
    ignore = shutil.ignore_patterns("node_modules", "dist", "rotc_backend")
    return shutil.copytree(REPOSITORY, tmp_path / "repo", ignore=ignore)


def run(directory, *arguments, **variables):
    """Run Node with few variables of this process, so that none of them decides a test."""
    node = find_node()
    path = f"{node.node.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/")} | variables
    return subprocess.run(
        [node.node, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def build(repository, **variables):
    """Run the frontend's build script."""
    return run(repository / "client", "scripts/build.mjs", **variables)


def config(repository):
    """What the built client was told."""
    return json.loads((repository / "client/dist/config.json").read_text())


def bundle(repository):
    """The one bundle of the built client."""
    (path,) = (repository / "client/dist/assets").glob("app-*.js")
    return path


def test_build_points_the_client_at_the_node_server(repository):
    """As found, the client speaks to the Node server under its prefix."""
    answer = build(repository)

    assert answer.returncode == 0, answer.stderr
    assert config(repository) == {
        "apiUrl": LEGACY_URL,
        "wsUrl": "wss://rotc-legacy.onrender.com",
        "apiPrefix": "/api",
    }
    text = bundle(repository).read_text()
    assert f'const API_URL = "{LEGACY_URL}"' in text
    assert "import.meta.env" not in text
    assert text.index("src/utils/api.js") < text.index("src/main.jsx")
    page = (repository / "client/dist/index.html").read_text()
    assert f"/assets/{bundle(repository).name}" in page


def test_environment_of_the_build_wins_over_the_file(repository):
    """What the platform sets at build time is what the client gets."""
    urls = {"VITE_API_URL": "http://127.0.0.1:81/", "VITE_WS_URL": "ws://127.0.0.1:82"}

    assert build(repository, **urls).returncode == 0

    assert config(repository)["apiUrl"] == "http://127.0.0.1:81"
    assert config(repository)["wsUrl"] == "ws://127.0.0.1:82"


def test_bundle_is_named_by_its_content(repository):
    """The same source gives the same name, a changed one another, and nothing old stays."""
    build(repository)
    first = bundle(repository).name
    build(repository)
    assert bundle(repository).name == first

    api = repository / "client/src/utils/api.js"
    api.write_text(api.read_text().replace('API_PREFIX = "/api"', 'API_PREFIX = "/api/v1"'))
    assert build(repository).returncode == 0

    assert config(repository)["apiPrefix"] == "/api/v1"
    assert bundle(repository).name != first


@pytest.mark.parametrize(
    "missing",
    ["src/utils/api.js", "src/utils/websocket.js", "src/main.jsx", "src/App.jsx", "index.html"],
)
def test_build_names_the_file_it_misses(repository, missing):
    """A missing file fails the build and is named."""
    (repository / "client" / missing).unlink()

    answer = build(repository)

    assert answer.returncode == 1
    assert missing in answer.stderr
    assert not (repository / "client/dist").exists()


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("src/utils/api.js", "export const NOTHING = 1;\n", "API_PREFIX"),
        ("src/utils/websocket.js", "export function {\n", "is not JavaScript"),
        (".env.production", "VITE_API_URL=nowhere\n", "is no URL"),
        (".env.production", "VITE_API_URL=wss://rotc.example\n", "http: or https:"),
        (".env.production", "", "VITE_API_URL"),
    ],
)
def test_build_refuses_what_would_not_run(repository, path, text, said):
    """A client that could reach nothing is not built."""
    (repository / "client" / path).write_text(text)

    answer = build(repository)

    assert answer.returncode == 1
    assert said in answer.stderr


def npm(repository, *arguments):
    """Run npm as the platform would."""
    return run(repository, find_node().npm_cli, *arguments)


@pytest.mark.parametrize("script", ["build", "start"])
def test_root_scripts_need_the_server_directory(repository, script):
    """As found, the root scripts refuse once the Node backend is gone."""
    shutil.rmtree(repository / "server")

    answer = npm(repository, "run", script)

    assert answer.returncode != 0
    assert "server/ is missing" in answer.stderr


def test_client_installs_and_builds_without_a_registry(repository):
    """The frontend's own build asks for no packages and leaves the clone as it was."""
    client = repository / "client"
    before = {path.relative_to(client) for path in client.rglob("*")}

    installed = npm(client, "install", "--offline")
    built = npm(client, "run", "build")

    assert installed.returncode == 0, installed.stderr
    assert built.returncode == 0, built.stderr
    made = {path.relative_to(client) for path in client.rglob("*")} - before
    assert {path.parts[0] for path in made} <= {"dist", "node_modules"}


def test_lock_file_names_no_registry():
    """Packages come from whichever registry the machine is set up with, proven by hash."""
    lock = json.loads((REPOSITORY / "server/package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages
    assert all("resolved" not in entry for entry in packages.values())
    assert all(re.match(r"sha512-", entry["integrity"]) for entry in packages.values())


def test_blueprint_is_the_node_one_with_the_old_spelling():
    """The Blueprint as found: `env` for `runtime`, a keepalive cron, nothing of Django."""
    services = yaml.safe_load((REPOSITORY / "render.yaml").read_text())["services"]

    assert [(entry["type"], entry["name"], entry["env"]) for entry in services] == [
        ("web", "rotc-legacy", "node"),
        ("web", "rotc-frontend", "static"),
        ("cron", "rotc-keepalive", "node"),
    ]


def test_documents_speak_of_the_node_backend():
    """The documents to be rewritten are there and name the old backend."""
    documents = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]

    assert len(documents) >= 4
    assert all("Node.js" in document.read_text() for document in documents)

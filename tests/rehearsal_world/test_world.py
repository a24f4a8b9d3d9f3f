"""The world comes up as found, may be attached to, and goes down without a trace."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
import requests
import websocket
from rehearsal.layout import ENVIRONMENTS, Layout
from rehearsal.processes import wait_gone

WORLD = [sys.executable, "-m", "rehearsal"]


def command(verb, directory, *more):
    """Run one command of the world."""
    return subprocess.run(
        [*WORLD, verb, "--dir", str(directory), *more],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def family(pid):
    """Return a process and all its descendants."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += family(int(child))
    return found


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """Bring a small world up once for the module."""
    layout = Layout(tmp_path_factory.mktemp("world"))
    answer = command("up", layout.directory, "--rows", "300")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    yield layout
    command("down", layout.directory)


def secret(layout, environment, name):
    """Read a secret as the operator's process would."""
    return layout.secret(environment, name).read_text().strip()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_node_serves_and_lets_a_known_account_in(layout, environment):
    """The legacy service answers, and a canary's password works."""
    url = layout.read()["environments"][environment]["legacy_url"]
    canary = json.loads(secret(layout, environment, "canaries"))[0]

    assert requests.get(f"{url}/health", timeout=10).json() == {"status": "ok"}
    answer = requests.post(
        f"{url}/api/auth/login", timeout=10,
        json={"username": canary["username"], "password": canary["password"]},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.json()["user"]["role"] == canary["role"]


def test_websocket_passes_through_the_front(layout):
    """The public address upgrades to a WebSocket as Render's does."""
    url = layout.read()["environments"]["staging"]["legacy_url"].replace("http", "ws", 1)

    line = websocket.create_connection(f"{url}/ws", timeout=10)

    assert line.getstatus() == 101
    line.close()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_frontend_speaks_to_node(layout, environment):
    """The frontend was built for the legacy address and the old prefix."""
    found = layout.read()["environments"][environment]

    config = requests.get(f"{found['frontend_url']}/config.json", timeout=10).json()

    assert config["apiUrl"] == found["legacy_url"]
    assert config["apiPrefix"] == "/api"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_django_is_not_there_yet(layout, environment):
    """No Django service exists, its database is empty, and nothing answers at its address."""
    world = layout.read()
    key = secret(layout, environment, "render_key")
    found = world["environments"][environment]

    answer = requests.get(
        f"{world['render']['api']}/services", timeout=10,
        params={"name": ",".join(found["services"].values())},
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip

    assert answer.json() == []
    with pytest.raises(requests.ConnectionError):
        requests.get(found["web_url"], timeout=5)
    with psycopg.connect(secret(layout, environment, "django_database")) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    assert tables == (0,)


def test_redis_takes_its_password_only(layout):
    """Each environment has its own numbered database behind a password."""
    with redis.Redis.from_url(secret(layout, "staging", "redis")) as staging:
        staging.set("greeting", "hello")
    with redis.Redis.from_url(secret(layout, "production", "redis")) as production:
        assert production.get("greeting") is None
    port = secret(layout, "staging", "redis").rpartition(":")[2].partition("/")[0]
    with (
        redis.Redis(port=int(port), retry=None) as anonymous,
        pytest.raises(redis.AuthenticationError),
    ):
        anonymous.ping()


def test_secrets_are_in_files_of_their_owner_only(layout):
    """No secret is in the world's description, in its log, or in a process's arguments."""
    paths = [path for path in (layout.directory / "secrets").rglob("*") if path.is_file()]
    assert len(paths) >= 2 * 7
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    told = layout.description.read_text() + layout.log.read_text()
    pids = family(layout.supervisor_pid())
    assert len(pids) > 4
    for pid in pids:
        told += Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    for path in paths:
        # Canaries are a document; where the alerts go is public in this world alone.
        if path.name not in {"canaries", "alerts"}:
            assert path.read_text().strip() not in told


def test_up_attaches_to_the_running_world(layout):
    """A second `up` changes nothing."""
    before = layout.read()

    answer = command("up", layout.directory)

    assert "runs already" in answer.stdout
    assert layout.read() == before
    assert command("status", layout.directory).returncode == 0


def test_foreign_directory_is_left_alone(tmp_path):
    """A directory with other files in it is not cleared."""
    (tmp_path / "thesis.txt").write_text("years of work")

    answer = command("up", tmp_path)

    assert answer.returncode == 1
    assert "holds files that are not a world's" in answer.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_down_is_safe_when_nothing_runs(tmp_path):
    """Stopping what is not there succeeds."""
    answer = command("down", tmp_path)

    assert answer.returncode == 0
    assert "Nothing runs" in answer.stdout


@pytest.fixture
def doomed(tmp_path):
    """Bring up a world that a test may kill."""
    layout = Layout(tmp_path / "world")
    answer = command("up", layout.directory, "--rows", "200")
    yield layout
    command("down", layout.directory)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_killed_supervisor_takes_its_children_along(doomed):
    """After SIGKILL nothing lives on, and `down` clears the rest."""
    pid = doomed.supervisor_pid()
    children = family(pid)[1:]
    assert len(children) >= 4  # PostgreSQL, Redis, two Node services
    scratch = json.loads(doomed.supervisor.read_text())["scratch"]

    os.kill(pid, signal.SIGKILL)

    assert wait_gone(pid, 10)
    assert all(wait_gone(child, 10) for child in children)
    assert command("status", doomed.directory).returncode == 1
    assert command("down", doomed.directory).returncode == 0
    assert not [path for path in scratch if Path(path).exists()]

"""A stand-in of Render with a ten-line app to deploy."""

import asyncio
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from rehearsal.render.settings import Clocks
from rehearsal.render.standin import StandIn, new_settings

APP = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = 500 if self.path == "/broken" else 200
        body = f"{os.environ.get('GREETING', '')}|{os.environ['RENDER_GIT_COMMIT']}".encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
print("app starts", flush=True)
host = os.environ.get("BIND", sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0")
http.server.ThreadingHTTPServer((host, int(os.environ["PORT"])), Handler).serve_forever()
"""
CLOCKS = Clocks(
    port_scan_seconds=15,
    localhost_scan_seconds=1.0,
    health_seconds=1.5,
    drain_seconds=0.2,
    shutdown_seconds=3,
    settle_seconds=0.4,
    autodeploy_seconds=0.2,
    restart_seconds=0.1,
)
END = {"live", "deactivated", "build_failed", "pre_deploy_failed", "update_failed", "canceled"}


class Repository:
    """A bare origin and a clone of it."""

    def __init__(self, directory):
        self.origin, self.clone = directory / "origin.git", directory / "clone"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.origin], check=True)
        subprocess.run(["git", "clone", "-q", self.origin, self.clone], check=True,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        self.git("checkout", "-q", "-b", "main")
        self.push("a greeting app", **{"app.py": APP, "site/index.html": "<h1>hello</h1>"})

    def git(self, *arguments):
        """Run git in the clone and return what it prints."""
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test"]
        command = ["git", "-C", str(self.clone), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def push(self, message, **files):
        """Commit files and push them; return the commit."""
        for name, content in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")


class Render:
    """A client of the stand-in, as thin as a test needs it."""

    def __init__(self, standin, repository):
        self.standin, self.repository = standin, repository
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {standin.settings.key}"

    def call(self, method, path, **options):
        """Make one call."""
        return self.session.request(method, self.standin.url + path, timeout=20, **options)

    def create(self, name, *, kind="web_service", variables=None, **details):
        """Create a service from the repository; return it and its first deploy's id."""
        specific = {key: details.pop(key) for key in ("buildCommand", "startCommand")
                    if key in details and kind != "static_site"}  # fmt: skip
        answer = self.call("POST", "/services", json={
            "type": kind, "name": name, "ownerId": self.standin.settings.owner_id,
            "repo": str(self.repository.origin), "branch": "main", "autoDeploy": "no",
            "envVars": [{"key": k, "value": v} for k, v in (variables or {}).items()],
            "serviceDetails": {"runtime": "python", "envSpecificDetails": specific} | details,
        })  # fmt: skip
        assert answer.status_code == 201, answer.text
        return answer.json()["service"], answer.json()["deployId"]

    def app(self, name, start="python app.py", **more):
        """Create the greeting app and wait until it is live."""
        service, first = self.create(name, startCommand=start, buildCommand="true", **more)
        assert self.wait(service, first)["status"] == "live"
        return service

    def deploy(self, service, **body):
        """Deploy and wait for the end; return the deploy."""
        answer = self.call("POST", f"/services/{service['id']}/deploys", json=body)
        assert answer.status_code == 201, answer.text
        return self.wait(service, answer.json()["id"])

    def wait(self, service, deploy_id, until=END):
        """Wait until a deploy has ended."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            deploy = self.call("GET", f"/services/{service['id']}/deploys/{deploy_id}").json()
            if deploy["status"] in until:
                return deploy
            time.sleep(0.05)
        raise AssertionError(f"{deploy['status']} after 30 s: {self.lines(service)}")

    def lines(self, service, **filters):
        """Return a service's log lines, oldest first."""
        wanted = {"ownerId": service["ownerId"], "resource": service["id"], "limit": 100,
                  "direction": "forward"}  # fmt: skip
        answer = self.call("GET", "/logs", params=wanted | filters)
        return [line["message"] for line in answer.json()["logs"]]

    def events(self, service, kind):
        """Return the details of a service's events of a kind, newest first."""
        answer = self.call("GET", f"/services/{service['id']}/events", params={"type": kind})
        return [row["event"]["details"] for row in answer.json()]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Give the module an origin with the greeting app."""
    return Repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def render(tmp_path_factory, repository):
    """Run a stand-in for the module, on a thread of its own."""
    directory = tmp_path_factory.mktemp("render")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    standin = StandIn(new_settings(directory, path=path, clocks=CLOCKS))
    ready, ended = threading.Event(), asyncio.Event()
    loops = []

    async def serve():
        await standin.start()
        loops.append(asyncio.get_running_loop())
        ready.set()
        await ended.wait()
        await standin.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="stand-in")
    thread.start()
    assert ready.wait(10)
    client = Render(standin, repository)
    yield client
    client.session.close()
    loops[0].call_soon_threadsafe(ended.set)
    thread.join(30)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_faults(request):
    """Leave no fault behind for the next test."""
    yield
    if "render" in request.fixturenames:
        request.getfixturevalue("render").call("DELETE", "/_faults")

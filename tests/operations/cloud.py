"""The stand-in of Render in a thread of its own, and services of a ten-line app that deploy."""

import asyncio
import atexit
import itertools
import os
import shutil
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

from rehearsal.render.records import TERMINAL, EnvVar, Service
from rehearsal.render.settings import Clocks
from rehearsal.render.standin import StandIn, new_settings

from tests.operations.clones import git

APP = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
BUILD = """
mkdir -p dist
echo "use('$VITE_API_URL', '$VITE_WS_URL', '$(cat prefix)')" > dist/app.js
echo '<script src="/app.js"></script>' > dist/index.html
"""
CLOCKS = Clocks(
    port_scan_seconds=15,
    localhost_scan_seconds=1.0,
    health_seconds=10,
    drain_seconds=0.05,
    shutdown_seconds=3,
    settle_seconds=0.3,
    autodeploy_seconds=0.2,
    restart_seconds=0.1,
)
WEB = {
    "type": "web",
    "runtime": "python",
    "plan": "starter",
    "region": "oregon",
    "rootDir": "backend",
    "buildCommand": "true",
    "startCommand": "exec python app.py",
    "healthCheckPath": "/",
    "autoDeployTrigger": "off",
}
WORKER = {
    **{key: value for key, value in WEB.items() if key != "healthCheckPath"},
    "type": "worker",
    "startCommand": "exec sleep 1000",
}
NUMBERS = itertools.count(1)


class Cloud:
    """One workspace on Render for all tests; each makes services of its own names."""

    def __init__(self):
        """Serve on a free port."""
        self.directory = Path(tempfile.mkdtemp(prefix="operations-cloud-"))
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        self.standin = StandIn(new_settings(self.directory / "render", path=path, clocks=CLOCKS))
        self.key = self.directory / "key"
        self.key.write_text(self.standin.settings.key)
        ready = threading.Event()

        async def serve():
            self.ended = asyncio.Event()
            self.loop = asyncio.get_running_loop()
            await self.standin.start()
            ready.set()
            await self.ended.wait()
            await self.standin.stop()

        self.thread = threading.Thread(target=lambda: asyncio.run(serve()), name="stand-in")
        self.thread.start()
        assert ready.wait(10)

    @property
    def inventory(self):
        """What an inventory says of the workspace."""
        owner = self.standin.settings.owner_id
        return {"api": self.standin.url, "key": f"file:{self.key}", "owner": owner}

    async def reserved(self, name):
        """Return the address that a service of this name will have."""
        return self.standin.front.reserve(name)

    def do(self, work):
        """Carry a coroutine out where the stand-in lives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def add(self, service, *, deploy=True):
        """Put a service into the workspace, and wait until it is live where it is to deploy."""
        self.do(self.standin.services.add(service, deploy=deploy))
        if deploy:
            self.settle(service.name)
            assert self.running(service.name).live, self.standin.workspace.logbook.tail(service.id)
        return service

    def ask(self, name, **options):
        """Ask for a deploy, as a push or a person would, and do not wait."""
        deploy, _ = self.do(self.standin.engine.ask(self.running(name), "manual", **options))
        return deploy

    def settle(self, name):
        """Wait until no deploy of a service is under way."""
        deadline = time.monotonic() + 30
        while self.running(name).current is not None:
            assert time.monotonic() < deadline, f"`{name}` deploys for ever"
            time.sleep(0.01)

    def running(self, name):
        """Return a service with what it runs."""
        found = self.standin.workspace.named(name)
        assert found is not None, name
        return found

    def look(self, *names):
        """Return what can be seen of services, by name: stored, and at work."""
        seen = {}
        for name in names:
            found = self.standin.workspace.named(name)
            seen[name] = found and {
                "type": found.service.type,
                "suspended": found.service.suspended,
                "autodeploy": found.service.auto_deploy_trigger,
                "settings": [found.service.root_dir, found.service.start_command],
                "branch": found.service.branch,
                "env": {each.key: each.value for each in found.service.env},
                "runs": None if found.service.suspended else found.live and found.live.commit["id"],
                "deploys": any(each.status not in TERMINAL for each in found.deploys),
            }
        return seen

    def remove(self, *names):
        """Stop services and forget them."""
        for name in names:
            found = self.standin.workspace.named(name)
            if found is not None:
                del self.standin.workspace.services[found.service.id]
                self.do(self.standin.engine.halt(found))
                self.loop.call_soon_threadsafe(self.standin.front.close, found)

    def service(self, name, repo, definition=None, **more):
        """Return a service of the tiny app as its people would have made it."""
        definition = definition or WEB
        kind = "web_service" if definition["type"] == "web" else "background_worker"
        given = {
            "runtime": "python",
            "root_dir": "backend",
            "build_command": "true",
            "start_command": definition["startCommand"],
            "health_path": definition.get("healthCheckPath", ""),
            "auto_deploy_trigger": "off",
        }
        return self._service(kind, name, repo, given | more)

    def site(self, name, repo, **variables):
        """Return a static site whose script names its build's variables."""
        given = {
            "root_dir": "site",
            "build_command": "sh build.sh",
            "publish_path": "dist",
            "auto_deploy_trigger": "off",
            "env": [EnvVar(key, value) for key, value in variables.items()],
        }
        return self._service("static_site", name, repo, given)

    def _service(self, kind, name, repo, given):
        return Service(kind, name, self.standin.settings.owner_id, repo=str(repo), **given)

    def stop(self):
        """End every process, and leave nothing behind."""
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(30)
        shutil.rmtree(self.directory, ignore_errors=True)


@cache
def cloud():
    """Return the one workspace, started when it is first asked for."""
    made = Cloud()
    # Before the interpreter waits for its threads, which the end of the process does first.
    threading._register_atexit(made.stop)
    atexit.register(shutil.rmtree, made.directory, ignore_errors=True)
    return made


def unused(word):
    """Return a name that no other world of this process has."""
    return f"{word}-{next(NUMBERS)}"


def write_app(directory):
    """Make a folder the tiny app's repository: a backend, and a site."""
    for path, text in {
        "backend/app.py": APP,
        "site/build.sh": BUILD,
        "site/prefix": "/api/\n",
    }.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def push(clone, message, **files):
    """Commit files in a clone and push them; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = clone / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", message)
    git(clone, "push", "--quiet", "origin", "main")
    return git(clone, "rev-parse", "HEAD")

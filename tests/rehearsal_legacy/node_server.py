"""Start the legacy server as a service would, and talk to it."""

import os
import re
import signal
import subprocess
import threading
import time

import requests
from rehearsal.binaries import find_node

TIMEOUT_SECONDS = 20


class NodeServer:
    """One process of the legacy server on a port the kernel picks."""

    def __init__(self, directory, database, housekeeping_seconds=30):
        self.environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database,
            "JWT_SECRET": "rehearsal-only",
            "PORT": "0",
            "LEGACY_HOUSEKEEPING_SECONDS": str(housekeeping_seconds),
        }
        self.directory = directory
        self.lines = []
        self.port = None

    def __enter__(self):
        """Start the process and wait until it listens."""
        started = time.monotonic()
        self.process = subprocess.Popen(
            [find_node().node, "index.js"],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.listening = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if not self.listening.wait(TIMEOUT_SECONDS):
            self.__exit__()
            raise AssertionError("".join(self.lines))
        self.start_seconds = time.monotonic() - started
        return self

    def __exit__(self, *exception):
        """End the process, whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT_SECONDS)
        self.reader.join(TIMEOUT_SECONDS)
        self.process.stdout.close()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"listening on 0\.0\.0\.0:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                self.listening.set()

    @property
    def output(self):
        """What the server has said so far."""
        return "".join(self.lines)

    def terminate(self):
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_SECONDS)

    def call(self, method, path, token=None, **options):
        """Send a request and return the answer, whatever its status."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(method, url, headers=headers, timeout=TIMEOUT_SECONDS, **options)

    def login(self, canary):
        """Send a login and return the answer."""
        body = {"username": canary["username"], "password": canary["password"]}
        return self.call("POST", "/api/auth/login", json=body)

    def token(self, canaries, role):
        """Log in as the first canary of a role and return its token."""
        canary = next(entry for entry in canaries if entry["role"] == role)
        return self.login(canary).json()["token"]

"""The four services of the Django application, run for real on loopback."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import psycopg
import requests
from rehearsal.binaries import find_redis
from rehearsal.postgres import PostgresServer
from rehearsal.processes import die_with_parent, free_port, signal_group

SOURCE = Path(__file__).parent.parent / "rehearsal" / "rehearsal" / "repo" / "rotc_backend"
BIN = Path(sys.executable).parent
FRONTEND = "https://rotc.example.org"
CLOUD, API_KEY, API_SECRET = "rotc-test", "814", "secret-of-the-cloud"


class FileStore(BaseHTTPRequestHandler):
    """Takes a signed upload as Cloudinary does; a wrong signature is refused."""

    kept: ClassVar[dict[str, bytes]] = {}

    def do_POST(self):
        """Check the signature of a multipart form and keep its file."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message_from_bytes(head + body).get_payload()
        }
        form = {name: value.decode() for name, value in parts.items() if name != "file"}
        signed = "&".join(
            f"{name}={form[name]}" for name in sorted(form) if name not in {"api_key", "signature"}
        )
        expected = hashlib.sha1(f"{signed}{API_SECRET}".encode()).hexdigest()
        if form["signature"] != expected or self.path != f"/v1_1/{CLOUD}/auto/upload":
            self._answer(401, {"error": {"message": "Invalid Signature"}})
            return
        public_id = f"{form['folder']}/{len(self.kept) + 1}"
        self.kept[public_id] = parts["file"]
        url = f"https://res.cloudinary.com/{CLOUD}/raw/upload/v1/{public_id}"
        self._answer(200, {"public_id": public_id, "secure_url": url, "url": url})

    def log_message(self, *_arguments):
        """Say nothing: the test output is no access log."""

    def _answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Stack:
    """PostgreSQL, Redis, a file store, and web, channels, worker and beat on top of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.app = directory / "rotc_backend"
        self.processes: dict[str, subprocess.Popen] = {}
        self.postgres = PostgresServer(directory / "postgres")
        self.store = ThreadingHTTPServer(("127.0.0.1", 0), FileStore)
        self.environment: dict[str, str] = {}
        self.web = self.channels = ""

    def prepare(self) -> None:
        """Start what the application stands on, and say where in its environment."""
        Thread(target=self.store.serve_forever, daemon=True).start()
        shutil.copytree(
            SOURCE, self.app, ignore=shutil.ignore_patterns("__pycache__", "staticfiles")
        )
        self.postgres.start()
        redis_port = free_port()
        redis_binary = str(find_redis()[0])
        self.run("redis", redis_binary, "--port", redis_port, "--bind", "127.0.0.1", "--save", "")
        redis_url = f"redis://127.0.0.1:{redis_port}"
        self.environment = {
            "PATH": f"{BIN}:{os.defpath}",
            "TMPDIR": str(self.directory),
            "DJANGO_SETTINGS_MODULE": "config.settings.production",
            "SECRET_KEY": "k" * 50,
            "DEBUG": "false",
            "ALLOWED_HOSTS": "127.0.0.1",
            "CORS_ALLOWED_ORIGINS": FRONTEND,
            "DATABASE_URL": self.postgres.create_database("django"),
            "REDIS_URL": f"{redis_url}/0",
            "CELERY_BROKER_URL": f"{redis_url}/1",
            "CELERY_RESULT_BACKEND": f"{redis_url}/2",
            "CLOUDINARY_CLOUD_NAME": CLOUD,
            "CLOUDINARY_API_KEY": API_KEY,
            "CLOUDINARY_API_SECRET": API_SECRET,
            "CLOUDINARY_UPLOAD_PREFIX": f"http://127.0.0.1:{self.store.server_port}",
            "BEAT_INTERVAL_SECONDS": "1",
            "PURGE_INTERVAL_SECONDS": "2",
        }

    def migrate(self) -> None:
        """Make the tables."""
        self.manage("migrate", "--verbosity=0")

    def serve(self) -> None:
        """Start the services; they may still be on their way up."""
        web_port, channels_port = free_port(), free_port()
        self.web = f"http://127.0.0.1:{web_port}"
        self.channels = f"ws://127.0.0.1:{channels_port}"
        self.manage("collectstatic", "--noinput", "--verbosity=0")
        bind = f"127.0.0.1:{web_port}"
        self.run("web", BIN / "gunicorn", "--bind", bind, "--preload", "config.wsgi:application")
        self.run(
            "channels",
            *(BIN / "daphne", "-b", "127.0.0.1", "-p", channels_port, "config.asgi:application"),
        )
        self.run("worker", BIN / "celery", "-A", "config", "worker", "-l", "info")
        self.run("beat", BIN / "celery", "-A", "config", "beat", "-l", "info")

    def stop(self) -> None:
        """End what was started, the services before what they stand on."""
        for process in reversed(self.processes.values()):
            signal_group(process.pid, signal.SIGCONT)
            process.terminate()
        for process in reversed(self.processes.values()):
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                signal_group(process.pid, signal.SIGKILL)
                process.wait()
        self.store.shutdown()
        self.store.server_close()
        self.postgres.stop()

    def run(self, name: str, *command: object) -> None:
        """Start a process of its own group, its output going to a log file."""
        with (self.directory / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.app,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509  main thread only
            )

    def manage(self, *arguments: str, **variables: str | None) -> str:
        """Run a command of Django's to its good end; return what it said."""
        answer = self.try_command(sys.executable, "manage.py", *arguments, **variables)
        assert answer.returncode == 0, answer.stdout
        return answer.stdout

    def try_command(self, *command: object, **variables: str | None) -> subprocess.CompletedProcess:
        """Run a command with some variables set otherwise, or taken out where None."""
        wanted = {**self.environment, **variables}
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.app,
            env={name: value for name, value in wanted.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )

    def signal(self, name: str, which: signal.Signals) -> None:
        """Send a signal to a service and all its children."""
        signal_group(self.processes[name].pid, which)

    def sql(self, statement: str, *values: object) -> list[tuple]:
        """Run a statement on the application's database, past the application."""
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def health(self) -> requests.Response:
        """Ask as Render does: exactly this address, following nothing."""
        return requests.get(f"{self.web}/api/health", allow_redirects=False, timeout=10)

    def log(self, name: str) -> str:
        """Return what a service has said so far."""
        text = (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return re.sub(r"\x1b\[[0-9;]*m", "", text)


def wait_for(ask: Callable[[], Any], timeout_seconds: float = 45.0) -> Any:
    """Ask until the answer is true, or fail with the last one."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            answer = ask()
        except requests.ConnectionError as error:
            answer, failure = None, error
        else:
            failure = answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still not after {timeout_seconds} s: {failure!r}"
        time.sleep(0.1)

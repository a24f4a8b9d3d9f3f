"""A server of the Redis protocol of our own, on a free loopback port."""

import contextlib
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from rehearsal.binaries import find_redis
from rehearsal.errors import WorldError
from rehearsal.processes import die_with_parent, free_port

START_TIMEOUT_SECONDS = 20.0
STOP_TIMEOUT_SECONDS = 5.0


class RedisServer:
    """Run one server with a generated password; start it from the main thread.

    Args:
        directory: Where its log lives. Made if absent.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self.password = secrets.token_urlsafe(24)
        self.port = 0
        self.source = ""
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: int) -> str:
        """Return the URL of a numbered database, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            WorldError: it ended, or did not answer in time.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        binary, self.source = find_redis()
        self.port = free_port()
        log_path = self.directory / "redis.log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(binary), "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  main thread only
            )
        # The settings go through the pipe: an argument would show the password to everyone.
        settings = (
            f'port {self.port}\nbind 127.0.0.1\nprotected-mode yes\nsave ""\n'
            f"appendonly no\nmaxmemory-policy noeviction\nrequirepass {self.password}\n"
        )
        feed = self._process.stdin
        if feed is not None:
            with contextlib.suppress(BrokenPipeError), feed:  # it may have ended already
                feed.write(settings.encode())
        self._wait_ready(log_path)

    def stop(self) -> None:
        """Stop it; nothing it held is kept."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_ready(self, log_path: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._answers():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                reason = "the server ended" if ended else "it did not answer"
                raise WorldError("the Redis server did not start", reason, f"read {log_path}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as line:
                line.sendall(f"AUTH {self.password}\r\n".encode())
                return line.recv(64).startswith(b"+OK")
        except OSError:
            return False

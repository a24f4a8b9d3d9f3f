"""Ask gunicorn itself what a configuration file makes of it."""

import os
import subprocess
import sys
import tempfile
from ast import literal_eval
from pathlib import Path

from handrail.clients.errors import ClientError

TIMEOUT_SECONDS = 30


def settings(config: str, port: str | None) -> dict[str, object]:
    """Return the settings gunicorn resolves from a configuration file, by name.

    Args:
        config: Text of the file; it is Python, and gunicorn runs it.
        port: Value of ``$PORT``, or None to leave it unset.

    Raises:
        ClientError: gunicorn does not accept the file.

    Source: https://docs.gunicorn.org/en/stable/settings.html#print-config
    """
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG"}}
    if port is not None:
        environment["PORT"] = port
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "gunicorn.conf.py")
        path.write_text(config, encoding="utf-8")
        # It checks that an app loads, and ours would need a database.
        app = "wsgiref.simple_server:demo_app"
        command = [sys.executable, "-m", "gunicorn", "--config", str(path), "--print-config", app]
        try:
            answer = subprocess.run(
                command,
                env=environment,
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _refused(f"it did not answer in {TIMEOUT_SECONDS} s") from None
    if answer.returncode:
        lines = answer.stderr.strip().splitlines() or ["it said nothing"]
        raise _refused(lines[-1])
    return dict(_setting(line) for line in answer.stdout.splitlines() if "=" in line)


def _setting(line: str) -> tuple[str, object]:
    name, _, value = line.partition("=")
    try:
        return name.strip(), literal_eval(value.strip())
    except (ValueError, SyntaxError):
        return name.strip(), value.strip()


def _refused(why: str) -> ClientError:
    return ClientError(
        "gunicorn did not read the configuration file",
        why,
        "correct `gunicorn.conf.py`, commit, push, then the same command again",
    )

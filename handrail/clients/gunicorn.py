"""Ask gunicorn itself what a configuration file makes of it, in a sandbox."""

import subprocess
import sys
import tempfile
from ast import literal_eval
from pathlib import Path

from handrail.clients import sandbox
from handrail.clients.errors import ClientError


def settings(config: str, port: str | None) -> dict[str, object]:
    """Return the settings gunicorn resolves from a configuration file, by name.

    Args:
        config: Text of the file; it is Python, and gunicorn runs it.
        port: Value of ``$PORT``, or None to leave it unset.

    Raises:
        ClientError: gunicorn does not accept the file, or the file needs what is not here.

    Source: https://docs.gunicorn.org/en/stable/settings.html#print-config
    """
    try:
        answer = _asked(config, {} if port is None else {"PORT": port})
    except subprocess.TimeoutExpired:
        raise _refused(f"it did not answer in {sandbox.SECONDS} s") from None
    if answer.returncode:
        lines = answer.stderr.strip().splitlines() or ["it said nothing"]
        raise _refused(lines[-1])
    return dict(_setting(line) for line in answer.stdout.splitlines() if "=" in line)


def _asked(config: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Return what gunicorn prints of a configuration file."""
    with tempfile.TemporaryDirectory(prefix="handrail-gunicorn-") as directory:
        path = Path(directory, "gunicorn.conf.py")
        path.write_text(config, encoding="utf-8", newline="")
        # It checks that an app loads, and ours would need a database.
        app = "wsgiref.simple_server:demo_app"
        isolated = [sys.executable, "-I", "-B", "-m", "gunicorn"]
        command = [*isolated, "--config", str(path), "--print-config", app]
        return sandbox.run(command, Path(directory), variables)


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

"""Plan task 1.3: what tasks 1.1 and 1.2 write lets both servers listen on $PORT, everywhere."""

import contextlib
import os
import shutil
import signal
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rehearsal.processes import free_port, signal_group
from rehearsal.render.ports import open_ports

from operations.bind import configured, starting
from operations.gunicorn_file import told
from operations.start_script import daphne_options, listening, started
from tests.rehearsal_django.stack import BIN, SOURCE, wait_for

WSGI = "import os\ndef application(environ, start):\n    start('200 OK', [])\n    return [b'ok']\n"
ASGI = """async def application(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""


class Files:
    """The application's files, as the steps read them."""

    def read(self, path):
        """Return what a file says."""
        there = SOURCE.parent / path
        return there.read_text() if there.is_file() else None


GUNICORN = configured(Files(), "rotc_backend/gunicorn.conf.py", 4, 120)
DAPHNE = starting(Files(), "rotc_backend/bin/channels.sh", 86_400)


@settings(deadline=None, max_examples=50)
@given(port=st.integers(1, 65535))
def test_property_port_binding_correctness(port):
    """Validates 1.6, 1.7: for every PORT both listen on it, on every address and on no other."""
    environment = {"PORT": str(port)}
    (conf,), (script,) = GUNICORN.values(), DAPHNE.values()

    assert told(conf, environment)["bind"] == f"0.0.0.0:{port}"
    assert listening(daphne_options(started(script, "daphne", environment).values)) == [
        f"0.0.0.0:{port}"
    ]


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (GUNICORN, ("gunicorn", "config.wsgi:application", "-c", "gunicorn.conf.py")),
        (DAPHNE, ("sh", "bin/channels.sh")),
    ],
    ids=["gunicorn", "daphne"],
)
def test_the_server_listens_on_the_port_for_everybody(files, command, tmp_path):
    """Started for real, as Render does: the kernel says where it listens."""
    for path, text in files.items():
        there = tmp_path / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)
    app = tmp_path / "rotc_backend"
    (app / "config").mkdir()
    (app / "config" / "wsgi.py").write_text(WSGI)
    (app / "config" / "asgi.py").write_text(ASGI)
    port = free_port()
    path = f"{BIN}{os.pathsep}{os.defpath}"
    server = subprocess.Popen(
        [shutil.which(command[0], path=path), *command[1:]],
        cwd=app,
        env={"PATH": path, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        found = wait_for(lambda: open_ports(server.pid).public)
        assert found == {port}
        assert not open_ports(server.pid).local
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal_group(server.pid, signal.SIGTERM)
        server.wait(timeout=20)

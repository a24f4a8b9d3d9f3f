"""What binds the port: judged by its text, edited so that it holds for certain, never run here."""

import json
import os
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.clients import gunicorn as server
from handrail.clients import sandbox
from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.engine.clause import ask
from operations import bind
from operations.gunicorn_file import told, with_settings
from tests.operations.clones import cloned
from tests.operations.cloud import push
from tests.operations.test_interrupted import perform
from tests.operations.test_texts import MANY

WANTED = {
    "bind": "f\"0.0.0.0:{os.environ.get('PORT', '8000')}\"",
    "workers": "4",
    "timeout": "120",
    "preload_app": "True",
}
STATEMENTS = st.sampled_from(
    [
        '"""Settings of the web server."""',
        "from __future__ import annotations",
        "import os",
        "import os as system",
        "'a text that stands alone'",
        "import sys, os.path",
        "# a comment: bind = 1",
        "",
        'bind = "127.0.0.1:8000"',
        'bind: str = "127.0.0.1:8000"',
        'bind = host = "127.0.0.1"',
        "bind, workers = 'here', 1",
        "workers = 2; timeout = 30",
        "workers = (\n    2\n    + 1\n)",
        "try:\n    threads = workers * 2\nexcept NameError:\n    threads = 1",
        "for workers in range(3):\n    last = workers",
        "if True:\n    timeout = 5",
        "def preload_app():\n    return 1",
        'accesslog = "-"\x0c',
        'text = """a\u2028b\nbind = 2\n"""',
        "with open('/dev/null') as timeout:\n    size = 0",
        "def post_fork(server, worker):\n    import os\n    os.nice(1)",
        "import os\ndel os",
        "from os import *",
        "globals().update(bind='x', os=None)",
        "bind = ['127.0.0.1:1']\nbind.append('unix:/x')",
        "def late():\n    global bind\n    bind = 'late'",
        "bind = 'z'\nlate() if 'late' in globals() else None",
        "def now(f):\n    f()\n@now\ndef again():\n    global workers\n    workers = 7",
        "class os:\n    environ = {}",
        "exec('workers = 9')",
        "workers: int",
        "timeout += 1",
        "(preload_app := False)",
        "os = None",
        "lambda bind: bind",
        "match 3:\n    case workers:\n        last = workers",
    ]
)


def run(source, **environment):
    """Return what Python makes of a configuration file, with these variables of the service."""
    names = {}
    stood = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        exec(compile(source, "gunicorn.conf.py", "exec"), names)
    finally:
        os.environ.clear()
        os.environ.update(stood)
    return names


@MANY
@given(lines=st.lists(STATEMENTS, max_size=7, unique=True), end=st.sampled_from(["\n", "\r\n"]))
def test_assignments_hold_at_the_end_of_any_file_and_are_written_once(lines, end):
    """Whatever stands there: it runs as before, the names have these values, and once is enough."""
    source = end.join([*sorted(lines, key=comes_late), ""])
    try:
        before = run(source)
    except (NameError, AttributeError, TypeError):
        return  # it did not run as it stood

    made = with_settings(source, WANTED)
    after = run(made, PORT="123")

    assert after["bind"] == "0.0.0.0:123"
    assert run(made)["bind"] == "0.0.0.0:8000"
    assert (after["workers"], after["timeout"], after["preload_app"]) == (4, 120, True)
    others = before.keys() - WANTED.keys() - {"__builtins__", "__annotations__", "threads", "os"}
    for name in others - {
        "host",
        "last",
        "preload_app",
        "late",
        "post_fork",
        "environ",
        "now",
        "again",
    }:
        assert after[name] == before[name] or name == "annotations"
    assert with_settings(made, WANTED) == made
    assert ("\r\n" in made) == ("\r\n" in source) or "\n" not in source
    assert {name: told(made, {"PORT": "123"})[name] for name in WANTED} == {
        name: after[name] for name in WANTED
    }


@MANY
@given(lines=st.lists(STATEMENTS, max_size=7, unique=True))
def test_what_is_told_of_a_file_is_what_it_does(lines):
    """A value that is told is the value; what cannot be told is left out, never guessed."""
    source = "\n".join([*sorted(lines, key=comes_late), ""])
    try:
        really = run(source, PORT="123")
    except (NameError, AttributeError, TypeError):
        return
    found = told(source, {"PORT": "123"})
    for name in WANTED.keys() & found.keys():
        assert found[name] == really[name], source


def comes_late(statement):
    """Put a docstring first and the future after it, as Python asks."""
    return (not statement.startswith('"""'), not statement.startswith("from __future__"))


def test_an_assignment_is_replaced_where_others_use_it():
    """What follows may be made from it."""
    source = "import os\nworkers = 2  # as many as cores\nthreads = workers * 2\n"
    assert with_settings(source, {"workers": "4"}) == (
        "import os\nworkers = 4  # as many as cores\nthreads = workers * 2\n"
    )


def test_os_is_imported_at_the_top_though_a_hook_imports_it_for_itself():
    """The hook's name is the hook's own."""
    hook = "def post_fork(server, worker):\n    import os\n    os.nice(1)\n"
    made = with_settings(f'{hook}\nbind = "0.0.0.0:8000"\n', {"bind": WANTED["bind"]})
    assert made == f"import os\n{hook}\nbind = {WANTED['bind']}\n"


def test_a_byte_order_mark_and_line_ends_stay():
    """An editor on Windows made the file, and its people go on with it."""
    made = with_settings("\ufeff# ours\r\nbind = 'x'\r\n", {"bind": WANTED["bind"]})
    assert made == f"\ufeff# ours\r\nimport os\r\nbind = {WANTED['bind']}\r\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("bind = '0.0.0.0:' + __import__('os').environ['PORT']", None),
        ("import os\nbind = '0.0.0.0:' + os.environ['PORT']", "0.0.0.0:5"),
        ("from os import getenv\nbind = ['0.0.0.0:' + getenv('PORT', '1')]", ["0.0.0.0:5"]),
        ("import os\nport = int(os.getenv('PORT', 8000))\nbind = f'0.0.0.0:{port}'", "0.0.0.0:5"),
        ("import os\nbind = f'0.0.0.0:{os.environ.get(\"PORT\") or 8000}'", "0.0.0.0:5"),
        ("import os\nbind = f'0.0.0.0:{os.environ[\"PORT\"]:>8}'", None),
        ("import notos as os\nbind = os.getenv('PORT')", None),
        ("import os\nif os.getenv('X'):\n    bind = '1'\nelse:\n    bind = '2'", None),
        ("from settings import bind", None),
        ("bind = f()", None),
    ],
)
def test_a_value_is_told_where_it_is_certain(source, found):
    """Made of constants and the environment; of anything else it is not told."""
    assert told(source, {"PORT": "5"}).get("bind") == found


@pytest.mark.parametrize("source", ["bind = (", "bind = '\0'", "  bind = 1", "match = = 1"])
def test_a_file_that_is_no_python_is_refused(source):
    """Not a traceback: the file is the operator's."""
    with pytest.raises(ClientError, match="not Python"):
        with_settings(source, WANTED)


@contextmanager
def repository(**files):
    """A repository with some files, and its client; `__` stands for a slash."""
    with cloned() as clone:
        if files:
            push(clone.path, "as found", **files)
        yield clone, Repository.from_inventory(clone.inventory)


def configured(client):
    """Return the arguments of the step for gunicorn."""
    return {
        "repository": client,
        "path": "gunicorn.conf.py",
        "workers": 4,
        "timeout_seconds": 120,
        "task": "1.1",
        "run": "r",
    }


SERVICE_ONLY = """from prometheus_flask_exporter.multiprocess import GunicornPrometheusMetrics
import os
DB = os.environ['DATABASE_URL']
bind = '127.0.0.1:8000'

def child_exit(server, worker):
    GunicornPrometheusMetrics.mark_process_dead_on_child_exit(worker.pid)
"""


def test_a_file_that_needs_what_only_the_service_has_is_changed_by_its_text():
    """It cannot be tried here, and need not be."""
    with repository(**{"gunicorn.conf.py": SERVICE_ONLY}) as (clone, client):
        contract, live = bind.gunicorn.contract, configured(client)
        assert all(ask(each, live).passed for each in contract.requires)
        assert "127.0.0.1:8000" in ask(contract.ensures, live).why
        perform(contract.body, live, None)
        assert ask(contract.ensures, live).passed
        assert clone.read("gunicorn.conf.py").startswith(
            SERVICE_ONLY.replace("'127.0.0.1:8000'", WANTED["bind"])
        )


def test_nothing_of_the_repository_runs_to_plan(tmp_path):
    """Not the configuration file, not the script: a look leaves no trace of theirs."""
    trace = tmp_path / "trace"
    files = {
        "gunicorn.conf.py": f"open({str(trace)!r}, 'w').close()\nbind = 'x'\n",
        "start.sh": f"touch {trace}\nexec daphne -b 127.0.0.1 -p 1 app\n",
    }
    with repository(**files) as (_, client):
        live = configured(client)
        script = {"path": "start.sh", "websocket_timeout_seconds": 60}
        for contract, given in (
            (bind.gunicorn.contract, live),
            (bind.daphne.contract, {"repository": client, **script}),
        ):
            assert not ask(contract.ensures, given).passed
            assert all(ask(each, given).passed for each in contract.requires)
            shown = contract.preview(
                **{name: given[name] for name in given if name not in ("task", "run")}
            )
            assert shown.startswith("---")
        assert not trace.exists()


def test_gunicorn_is_asked_where_the_file_can_do_no_harm(tmp_path):
    """Before the push: with no variables of ours, no network, nothing to write to."""
    trace = tmp_path / "trace"
    source = f"""
import json, os, socket
told = dict(os.environ)
try:
    open({str(trace)!r}, 'w').close()
    told['wrote'] = '1'
except OSError:
    told['wrote'] = ''
try:
    socket.create_connection(('192.0.2.1', 80), 1)
    told['reached'] = '1'
except OSError as error:
    told['reached'] = type(error).__name__ if isinstance(error, TimeoutError) else ''
raw_env = ['told=' + json.dumps(told)]
"""
    found = server.settings(source, "5")["raw_env"]
    said = json.loads(found[0].partition("=")[2])
    assert said.keys() - {"wrote", "reached"} <= {"PATH", "LC_ALL", "PORT", "PWD", "OLDPWD"}
    walls = next(each for each in sandbox._walls(tmp_path) if sandbox._stand(len(each)))
    if len(walls) > len(sandbox.NET) + 1:
        assert said["wrote"] == ""
        assert not trace.exists()
    if walls:
        assert said["reached"] == ""


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x = 'a' * 4_000_000_000", "MemoryError"),
        ("raise SystemExit(3)", "it said nothing"),
        ("import nothing_of_that_name", "No module named"),
    ],
)
def test_a_file_that_gunicorn_does_not_read_is_told_in_its_words(source, why):
    """With what it said last."""
    with pytest.raises(ClientError, match=why):
        server.settings(source, None)


def test_a_file_that_would_die_of_the_change_is_not_pushed():
    """It measures itself, say: gunicorn reads it as it is, and not as it would be."""
    source = "bind = 'x'\nassert len(open(__file__).read()) < 80\n"
    with repository(**{"gunicorn.conf.py": source}) as (clone, client):
        with pytest.raises(ClientError, match="did not read"):
            perform(bind.gunicorn.contract.body, configured(client), None)
        assert clone.read("gunicorn.conf.py") == source


@pytest.mark.parametrize(
    ("script", "holds"),
    [
        ('exec daphne -b 0.0.0.0 -p "$PORT" --websocket_timeout 60 app', True),
        ('cd / && daphne -p $PORT -b 0.0.0.0 --websocket_timeout 60 "an app"', True),
        ("python3 -m daphne -b0.0.0.0 -p ${PORT:-8001} --websocket_timeout=60 app", True),
        (
            "P=$PORT\nexec /bin/daphne --bind=0.0.0.0 --port \\\n $P --websocket_t 60 a",
            True,
        ),
        ('exec daphne -e "tcp:port=$PORT:interface=0.0.0.0" --websocket_timeout 60 app', True),
        ("exec daphne -e tcp:$PORT --websocket_timeout 60 app # here", True),
        ('exec daphne -b 127.0.0.1 -p "$PORT" --websocket_timeout 60 app', False),
        ("exec daphne -b 0.0.0.0 -p 8001 --websocket_timeout 60 app", False),
        ('exec daphne -b 0.0.0.0 -p "$PORT" --websocket_timeout 30 app', False),
        ('exec daphne -b 0.0.0.0 -p "$PORT" app', False),
        ('# exec daphne -b 0.0.0.0 -p "$PORT" --websocket_timeout 60 app', False),
        ("exec daphne -b 0.0.0.0 -p $PORT --websocket_timeout 60 -b 127.0.0.1 -p 80 app", False),
        ("exec daphne -b 0.0.0.0 -p $PORT --websocket_timeout 60 --bind=127.0.0.1 app", False),
        (
            "daphne -b 0.0.0.0 -p $PORT -e tcp:80:interface=127.0.0.1 --websocket_timeout 60 a",
            False,
        ),
        ("exec daphne -u /run/x.sock --websocket_timeout 60 app", False),
        ("exec daphne -b 0.0.0.0 -p '$PORT' --websocket_timeout 60 app", False),
        ("if true; then daphne -b 0.0.0.0 -p $PORT --websocket_timeout 60 app; fi", False),
        ("exec daphne -b 0.0.0.0 -p $(echo 80) --websocket_timeout 60 app", False),
        ("exec sleep 1\ndaphne -b 0.0.0.0 -p $PORT --websocket_timeout 60 app", False),
        ("exec gunicorn -b 0.0.0.0:$PORT", False),
        ("sleep 60", False),
        ("", False),
    ],
)
def test_daphne_is_held_to_what_its_script_says(script, holds):
    """Read as a shell and daphne read it: the last of each option counts, nothing is run."""
    found = bind.judged(f"{script}\n", "start.sh", 60)
    assert found.passed is holds, found.why


@pytest.mark.parametrize(
    ("script", "made"),
    [
        (
            "#!/bin/sh\nset -e\nexec daphne -b 127.0.0.1 -p 80 --proxy-headers app  # ours\n",
            "#!/bin/sh\nset -e\nexec daphne OURS --proxy-headers app  # ours\n",
        ),
        ("daphne -u /x.sock -v 2 app\n", "daphne OURS -v 2 app\n"),
        ("daphne -p80 --bind=1 --websocket_timeout 3 app\r\n", "daphne OURS app\r\n"),
    ],
)
def test_only_the_options_of_a_script_that_is_there_change(script, made):
    """What else it does, and the application's name, are its people's."""
    ours = '-b 0.0.0.0 -p "${PORT:-8001}" --websocket_timeout 60'
    with repository(**{"start.sh": script}) as (_, client):
        assert bind.starting(client.at(), "start.sh", 60) == {
            "start.sh": made.replace("OURS", ours)
        }


@pytest.mark.parametrize("script", ["exec gunicorn app\n", "daphne a\ndaphne b\n", "case x in\n"])
def test_a_script_that_cannot_be_told_is_refused_before_anything_moved(script):
    """It is somebody's, and it is not thrown away."""
    with repository(**{"start.sh": script}) as (_, client):
        given = {"repository": client, "path": "start.sh", "websocket_timeout_seconds": 60}
        refused = ask(bind.daphne.contract.requires[1], given)
        assert "cannot be told" in refused.why
        assert refused.fix

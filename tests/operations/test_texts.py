"""What the steps write into the app's files: right over many texts, and nothing else is touched."""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.engine.contract import ask
from operations import bind, blueprint, files, package_file
from operations.package_json import put_scripts
from tests.operations.clones import cloned
from tests.operations.cloud import push
from tests.operations.test_interrupted import perform

MANY = settings(max_examples=60, deadline=None, derandomize=True)
FEW = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
WANTED = {
    "bind": "f\"0.0.0.0:{os.environ.get('PORT', '8000')}\"",
    "workers": "4",
    "timeout": "120",
    "preload_app": "True",
}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
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
    ]
)


def run(source):
    """Return what Python makes of a configuration file."""
    names = {}
    exec(compile(source, "gunicorn.conf.py", "exec"), names)
    return names


@MANY
@given(lines=st.lists(STATEMENTS, max_size=6, unique=True), end=st.sampled_from(["\n", "\r\n"]))
def test_assignments_hold_at_the_end_of_any_file_and_are_written_once(lines, end):
    """Whatever stands there: the names have these values, and a second time changes nothing."""
    source = end.join([*sorted(lines, key=comes_late), ""])
    try:
        before = run(source)
    except NameError:
        return  # it did not run as it stood

    made = bind.with_assignments(source, WANTED)
    after = run(made)

    assert after["bind"] == f"0.0.0.0:{os.environ.get('PORT', '8000')}"
    assert (after["workers"], after["timeout"], after["preload_app"]) == (4, 120, True)
    others = before.keys() - WANTED.keys() - {"__builtins__", "__annotations__", "threads"}
    for name in others - {"host", "last", "preload_app"}:
        assert after[name] == before[name] or name == "annotations"
    assert bind.with_assignments(made, WANTED) == made


def comes_late(statement):
    """Put a docstring first and the future after it, as Python asks."""
    return (not statement.startswith('"""'), not statement.startswith("from __future__"))


def test_an_assignment_is_replaced_where_others_use_it():
    """What follows may be made from it."""
    source = "import os\nworkers = 2\nthreads = workers * 2\n"
    assert bind.with_assignments(source, {"workers": "4"}) == (
        "import os\nworkers = 4\nthreads = workers * 2\n"
    )


@pytest.mark.parametrize("source", ["bind = (", "bind = '\0'", "  bind = 1"])
def test_a_file_that_is_no_python_is_refused(source):
    """Not a traceback: the file is the operator's."""
    with pytest.raises(ClientError, match="not Python"):
        bind.with_assignments(source, WANTED)


@pytest.mark.parametrize(
    ("script", "holds"),
    [
        ('exec daphne -b 0.0.0.0 -p "$PORT" --websocket_timeout 60 app', True),
        ('cd / && daphne -p $PORT -b 0.0.0.0 --websocket_timeout 60 "an app"', True),
        ('exec daphne -b 127.0.0.1 -p "$PORT" --websocket_timeout 60 app', False),
        ("exec daphne -b 0.0.0.0 -p 8001 --websocket_timeout 60 app", False),
        ('exec daphne -b 0.0.0.0 -p "$PORT" --websocket_timeout 30 app', False),
        ('exec daphne -b 0.0.0.0 -p "$PORT" app', False),
        ('# exec daphne -b 0.0.0.0 -p "$PORT" --websocket_timeout 60 app', False),
        ("exec gunicorn -b 0.0.0.0:$PORT", False),
        ("", False),
    ],
)
def test_daphne_is_held_to_what_its_script_really_passes(repository, script, holds):
    """Read by a shell, with daphne replaced by a program that tells its arguments."""
    clone, client = repository
    push(clone.path, "start it", **{"start.sh": f"{script}\n"})
    found = bind.daphne_binds_port(client, "start.sh", 60)
    assert found.passed is holds, found.why


def test_a_script_that_hangs_is_no_proof(repository, monkeypatch):
    """It is given some seconds."""
    clone, client = repository
    push(clone.path, "hang", **{"start.sh": "sleep 60\n"})
    monkeypatch.setattr(bind, "SCRIPT_TIMEOUT_SECONDS", 0.2)
    assert "nothing within" in bind.daphne_binds_port(client, "start.sh", 60).why


@pytest.fixture
def repository():
    """A clone, and the client of it."""
    with cloned() as clone:
        yield clone, Repository.from_inventory(clone.inventory)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS, lambda inner: st.lists(inner, max_size=3)
)
SCRIPTS = st.dictionaries(WORDS, WORDS, max_size=4)


@MANY
@given(package=st.dictionaries(WORDS, JSON, max_size=4), scripts=SCRIPTS)
def test_a_package_json_reads_the_same_after_it_was_written(package, scripts):
    """Keys, order and text of every language; two spaces and a last line end, as npm has it."""
    whole = {**package, "scripts": scripts}
    if not isinstance(whole.get("dependencies", {}), dict):
        return
    text = package_file.package_text(whole)
    assert package_file.package_of(text, "package.json") == whole
    assert list(json.loads(text)) == list(whole)
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    "text", ["", "{,}", "[]", "null", '{"scripts": []}', '{"dependencies": 1}']
)
def test_a_package_json_of_another_form_is_refused(text):
    """With its path; and no attribute of a list is looked for."""
    with pytest.raises(ClientError, match=r"app/package\.json"):
        package_file.package_of(text, "app/package.json")


@FEW
@given(there=SCRIPTS, wanted=SCRIPTS, removed=st.lists(WORDS, max_size=3), data=st.data())
def test_scripts_are_set_and_removed_and_the_others_stay(there, wanted, removed, data):
    """In a real repository, over any scripts that were there."""
    removed = [name for name in removed + data.draw(drawn_from(there)) if name not in wanted]
    with cloned() as clone:
        push(
            clone.path, "as found", **{"package.json": json.dumps({"name": "x", "scripts": there})}
        )
        live = {
            "repository": Repository.from_inventory(clone.inventory),
            "path": "package.json",
            "scripts": wanted,
            "remove": removed,
            "task": "2.2",
            "run": "r",
        }
        if not ask(put_scripts.contract.ensures, live).passed:
            perform(put_scripts.contract.body, live, None)
        assert ask(put_scripts.contract.ensures, live).passed
        kept = {name: line for name, line in there.items() if name not in removed}
        assert json.loads(clone.read("package.json")) == {"name": "x", "scripts": kept | wanted}


def drawn_from(scripts):
    """Draw names of scripts that are there."""
    return st.lists(st.sampled_from(sorted(scripts)), max_size=2) if scripts else st.just([])


LINES = WORDS | st.sampled_from(
    ["yes", "off", "0x1f", "1e3", "null", "~", "- a", "a: b", "2026-01-01"]
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"name": LINES, "type": st.sampled_from(["web", "worker", "cron", "static"])},
        optional={
            "env": st.sampled_from(["node", "static", "python"]),
            "buildCommand": LINES,
            "autoDeploy": st.booleans(),
            "envVars": st.lists(st.fixed_dictionaries({"key": LINES, "value": LINES}), max_size=2),
        },
    ),
    max_size=4,
)


@MANY
@given(entries=ENTRIES, top=st.dictionaries(st.sampled_from(["databases", "envVarGroups"]), JSON))
def test_a_blueprint_reads_the_same_after_it_was_written(entries, top):
    """Text stays text, though YAML would take `off` for a truth value."""
    whole = {"services": entries, **top}
    assert blueprint.parsed(blueprint.as_yaml(whole), "render.yaml") == whole


@MANY
@given(entries=ENTRIES)
def test_a_new_blueprint_has_the_services_no_legacy_and_keeps_the_others(entries):
    """And `runtime` where the deprecated `env` stood."""
    services = {"web": "rotc-django-web", "beat": "rotc-beat"}
    definitions = {part: {"type": "web", "runtime": "python"} for part in services}
    with TemporaryDirectory() as directory:
        there = Text(Path(directory), blueprint.as_yaml({"services": entries, "databases": []}))
        text = blueprint.rewritten(there, "render.yaml", services, definitions, "3.11.0")
    made = yaml.safe_load(text)
    assert made["databases"] == []
    added = made["services"][-2:]
    assert added == blueprint.described(services, definitions, "3.11.0")
    kept = [each for each in entries if not blueprint.is_legacy(each)]
    assert [each["name"] for each in made["services"][:-2]] == [each["name"] for each in kept]
    assert not [each for each in made["services"] if "env" in each or blueprint.is_legacy(each)]


class Text:
    """A committed file, for what reads no other."""

    def __init__(self, path, text):
        """Keep the text."""
        self.path, self.text = path, text

    def read(self, path):
        """Return it."""
        assert path == "render.yaml"
        return self.text


@pytest.mark.parametrize("text", ["", "services: {}", "services: [1]", "- a", "services: [", "x"])
def test_a_blueprint_of_another_form_is_refused(text):
    """With its path."""
    with pytest.raises(ClientError, match=r"render\.yaml"):
        blueprint.parsed(text, "render.yaml")


@contextmanager
def sources(texts):
    """Write source files; return their paths by the path they are for."""
    with TemporaryDirectory() as directory:
        made = {}
        for number, (path, text) in enumerate(texts.items()):
            made[path] = str(Path(directory, str(number)))
            Path(made[path]).write_text(text.replace("$", "$$") + "$fact", newline="")
        yield made


PATHS = st.sampled_from(["README.md", "docs/NEW.md", "client/src/utils/api.js", "a b/ü.txt"])


@FEW
@given(
    texts=st.dictionaries(PATHS, WORDS | st.just("a\n\nb\n"), min_size=1, max_size=3), fact=WORDS
)
def test_files_are_written_whole_in_one_commit_and_go_back(texts, fact):
    """New ones and old ones, with dollar signs and umlauts; undone, the tree is what it was."""
    contract = files.put.contract
    with cloned() as clone, sources(texts) as paths:
        stood = clone.look()
        live = {
            "repository": Repository.from_inventory(clone.inventory),
            "files": files.Sources(paths),
            "facts": {"fact": fact},
            "task": "5.1",
            "run": "r",
        }
        before = contract.captures(live["repository"], live["files"])
        perform(contract.body, live, None)
        assert ask(contract.ensures, live).passed
        assert {path: clone.read(path) for path in texts} == {
            path: text + fact for path, text in texts.items()
        }
        perform(contract.rollback, live | {"before": before}, None)
        assert clone.look() == stood

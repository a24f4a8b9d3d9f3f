"""What the steps write into package.json, `.env` and whole files: nothing else is touched."""

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.engine.clause import ask
from operations import dotenv, files, package_file
from operations.package_json import put_scripts
from tests.operations.clones import cloned
from tests.operations.cloud import push
from tests.operations.test_interrupted import perform

MANY = settings(max_examples=60, deadline=None, derandomize=True)
FEW = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS, lambda inner: st.lists(inner, max_size=3)
)
SCRIPTS = st.dictionaries(WORDS, WORDS, max_size=4)


FORMS = st.sampled_from(
    [
        lambda data: json.dumps(data, indent=2, ensure_ascii=False) + "\n",
        lambda data: json.dumps(data, indent="\t") + "\n",
        lambda data: json.dumps(data, indent=4, ensure_ascii=False),
        lambda data: json.dumps(data, separators=(",", ":")),
        lambda data: json.dumps(data, indent=2).replace("\n", "\r\n") + "\r\n",
        lambda data: "\ufeff" + json.dumps(data, indent="\t", separators=(" ,", " : ")),
    ]
)


@MANY
@given(
    package=st.dictionaries(WORDS, JSON, max_size=4),
    there=SCRIPTS | st.none(),
    wanted=SCRIPTS,
    removed=st.lists(WORDS, max_size=3),
    form=FORMS,
    data=st.data(),
)
def test_a_package_json_keeps_its_form(package, there, wanted, removed, form, data):
    """Scripts are set and removed; every other member keeps its bytes, the order stays."""
    whole = {**package, **({} if there is None else {"scripts": there}), "last": [1.0, "é"]}
    if not all(isinstance(whole.get(key, {}), dict) for key in ("dependencies", "scripts")):
        return
    removed = [n for n in removed + data.draw(drawn_from(there or {})) if n not in wanted]
    text = form(whole)

    made = package_file.with_scripts(text, "package.json", wanted, removed)

    kept = {name: line for name, line in (there or {}).items() if name not in removed}
    expected = dict(whole)
    if there is not None or wanted:
        expected["scripts"] = kept | wanted
    found = package_file.package_of(made, "package.json")
    assert found == expected
    assert list(found) == list(expected)
    assert list(found.get("scripts", {})) == list(expected.get("scripts", {}))
    if kept | wanted == there or (there is None and not wanted):
        assert made == text
    assert made.startswith("\ufeff") is text.startswith("\ufeff")
    assert ("\r\n" in made) == ("\r\n" in text) or "\n" not in made
    around = form({**package})[1:-1].strip(" \t\r\n{}\ufeff")
    assert "scripts" in package or around in made
    again = package_file.with_scripts(made, "package.json", wanted, removed)
    assert again == made


def test_only_the_lines_of_the_scripts_change():
    """Tabs, CRLF, an object on one line and blanks nobody would choose stay as they are."""
    text = (
        '{\r\n\t"name": "x",\r\n\t"scripts": {"build":"a","server":"node server"},\r\n'
        '\t"dependencies" :{ "express": "^4" },\r\n\t"version": 1.50\r\n}\r\n'
    )
    made = package_file.with_scripts(text, "p", {"build": "b", "dev": "c"}, ["server"])
    assert made == text.replace('{"build":"a","server":"node server"}', '{"build":"b","dev":"c"}')
    assert package_file.without_dependencies(text, "p") == text.replace(
        '\t"dependencies" :{ "express": "^4" },\r\n', ""
    )


@pytest.mark.parametrize("text", ["{}", "{ }\n", "{\n}\n"])
def test_scripts_come_into_a_package_json_that_holds_nothing(text):
    """As npm would write them."""
    made = package_file.with_scripts(text, "p", {"a": "b"}, [])
    assert made.rstrip() == '{\n  "scripts": {\n    "a": "b"\n  }\n}'


ENV = """# Read by the build.
VITE_API_URL=https://old.example   # the API
export VITE_ENV='production'
VITE_KEY="line one
VITE_API_URL=not a variable"
VITE_API_URL="https://last.example"
EMPTY=
"""


def test_a_variable_is_changed_where_it_counts_and_all_else_stays():
    """The last one of a name is the one that is read; a value over lines is one value."""
    made = dotenv.with_variables(ENV, {"VITE_API_URL": "https://new.example", "NEW": "1"})
    assert made == ENV.replace('"https://last.example"', "https://new.example") + "NEW=1\n"
    assert dotenv.variables_of(made)["VITE_API_URL"] == "https://new.example"
    assert dotenv.variables_of(made)["EMPTY"] == ""
    assert dotenv.with_variables(made, {"NEW": "1", "EMPTY": ""}) == made


NAMES = st.from_regex(r"[A-Z_]{1,8}", fullmatch=True)
PLAIN = st.from_regex(r"[a-z:/.$0-9-]{0,12}", fullmatch=True)


@MANY
@given(
    lines=st.lists(
        st.tuples(NAMES, PLAIN) | st.sampled_from([("# a comment: A=1", None), ("", None)]),
        max_size=6,
    ),
    wanted=st.dictionaries(NAMES, PLAIN, max_size=3),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_other_variables_comments_and_line_ends_stay(lines, wanted, end, last):
    """Whatever stands in a `.env` file: the wanted are set, and the rest is there."""
    written = [name if value is None else f"{name}={value}" for name, value in lines]
    text = end.join(written) + (end if last and written else "")
    made = dotenv.with_variables(text, wanted)
    before, after = dotenv.variables_of(text), dotenv.variables_of(made)
    assert after == before | wanted
    kept = [line for line in written if line and line.partition("=")[0] not in wanted]
    assert [line for line in made.splitlines() if line in kept] == kept
    assert dotenv.with_variables(made, wanted) == made


def test_a_dotenv_file_is_edited_by_key_and_others_are_written_whole(tmp_path):
    """What only the app's people put there is not ours to drop."""
    source = tmp_path / "env"
    source.write_text("# ours\nVITE_API_URL=$url\nVITE_WS_URL=wss://new\n")
    with cloned() as clone:
        text = "# theirs\nVITE_API_URL=https://old\nVITE_GOOGLE_CLIENT_ID=123\n"
        push(clone.path, "as found", **{"client/.env.production": text})
        live = {
            "repository": Repository.from_inventory(clone.inventory),
            "files": files.Sources(
                {"client/.env.production": str(source), "client/.env.new": str(source)}
            ),
            "facts": {"url": "https://new"},
            "task": "5.1",
            "run": "r",
        }
        shown = files.what_changes(**live)
        perform(files.put.contract.body, live, None)
        assert clone.read("client/.env.production") == (
            "# theirs\nVITE_API_URL=https://new\nVITE_GOOGLE_CLIENT_ID=123\nVITE_WS_URL=wss://new\n"
        )
        assert clone.read("client/.env.new").startswith("# ours\n")
        assert ask(files.put.contract.ensures, live).passed
        assert "-VITE_API_URL=https://old\n+VITE_API_URL=https://new\n" in shown
        assert "GOOGLE" in shown
        assert "-VITE_GOOGLE" not in shown


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

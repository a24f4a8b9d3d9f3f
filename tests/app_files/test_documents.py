"""Plan tasks 13.1, 13.3, 14.3 and 15: the published documents say what is so."""

import re
from pathlib import Path

import pytest
import yaml

from tests.app_files.conftest import (
    CLIENT,
    CLIENT_TESTS,
    DOCUMENTS,
    FACTS,
    FILES,
    REPOSITORY,
    SCRIPTS,
    published,
)
from tests.app_files.way_back import document, steps

BACKEND = REPOSITORY / "rotc_backend"
LEGACY = ("Express", "server/", "Node.js backend")
OF_THE_MOVE = {"docs/MIGRATION.md", "docs/ROLLBACK.md"}
LINK = re.compile(r"\]\(([^)#]+\.md)(?:#([\w-]+))?\)")
VARIABLE = re.compile(r"""environment\.(?:\w+)\(\s*"([A-Z_]+)"|environ(?:\.get\(|\[)"([A-Z_]+)""")


def text(path):
    """A document as published."""
    return published(DOCUMENTS[path], FACTS)


def anchors(path):
    """The headings of a document, as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_document_needs_only_the_known_facts(path):
    """Every `$name` is a fact of the inventory, and a literal dollar is written as two."""
    assert text(path).startswith("# ")


@pytest.mark.parametrize("path", sorted(DOCUMENTS.keys() - OF_THE_MOVE))
def test_document_does_not_speak_of_the_legacy_backend(path):
    """The words that the gate of task 15.4 looks for are not there."""
    assert [word for word in LEGACY if word in text(path)] == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_between_documents_lead_somewhere(path):
    """Each document that another names is published, and has the heading."""
    for target, anchor in LINK.findall(text(path)):
        there = str((Path("/") / path).parent.joinpath(target).resolve().relative_to("/"))
        assert there in DOCUMENTS
        assert not anchor or anchor in anchors(there)


def test_sources_and_published_paths_are_the_same_set():
    """No source is left over, none is missing."""
    found = {str(file.relative_to(FILES)) for file in FILES.rglob("*") if file.is_file()}

    beside = {each for each in SCRIPTS.values() if not each.startswith("..")}
    assert found == {*DOCUMENTS.values(), *CLIENT.values(), *CLIENT_TESTS.values(), *beside}


def test_readme_lists_the_variables_that_the_settings_read():
    """The table names each variable of the settings, and nothing that is not read."""
    settings = (BACKEND / "config/settings/production.py").read_text()
    read = {name for names in VARIABLE.findall(settings) for name in names if name}
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", text("README.md"), re.MULTILINE))

    assert len(read) > 10
    elsewhere = {"DJANGO_SETTINGS_MODULE", "PORT", "VITE_API_URL", "VITE_WS_URL"}
    assert listed == read | elsewhere


def test_development_file_sets_every_required_variable():
    """Who copies the file of settings can start the backend."""
    required = set(re.findall(r"^\| `([A-Z_]+)` \| yes", text("README.md"), re.MULTILINE))
    given = set(re.findall(r"^    ([A-Z_]+)=\S+$", text("docs/DEVELOPMENT.md"), re.MULTILINE))

    assert required == given
    secret = re.search(r"SECRET_KEY=(\S+)", text("docs/DEVELOPMENT.md"))
    assert len(secret[1]) >= 50


def test_api_document_lists_the_19_tables():
    """The tables are those of the mapping, under their addresses."""
    mapping = yaml.safe_load((FILES.parent / "rotc.yaml").read_text())["tables"]
    moved = {name.replace("_", "-") for name in mapping if "also" not in mapping[name]}
    section = text("docs/API.md").partition("## Tables")[2].partition("| request")[0]
    listed = {name for name in re.findall(r"`([a-z-]+)`", section) if not name.startswith("/")}

    assert len(moved) == 19
    assert listed == moved


def test_documents_name_every_route():
    """Each route of the backend is in the API document."""
    routes = re.findall(
        r'(?:re_)?path\(r?"\^?(api/[^"]+)"', (BACKEND / "config/urls.py").read_text()
    )
    plain = {re.sub(r"/\?\$$", "", re.sub(r"<\w+:(\w+)>", "<>", route)) for route in routes}
    document = re.sub(r"<\w+>", "<>", text("docs/API.md"))

    assert len(plain) >= 8
    assert [route for route in sorted(plain) if f"/{route}" not in document] == []


def test_api_document_lists_the_codes_of_the_backend():
    """Each error code that the backend makes itself is explained."""
    source = "\n".join(path.read_text() for path in (BACKEND / "apps").rglob("*.py"))
    made = re.compile(r'default_code = "([a-z_]+)"|\.", "([a-z_]+)"\)')
    codes = {code for found in made.findall(source) for code in found if code}

    assert len(codes) > 8
    assert {code for code in codes if f"`{code}`" not in text("docs/API.md")} == {
        "unavailable"  # never sent: those that say it name their part
    }


def test_rollback_document_answers_what_is_asked_at_night():
    """Commands, criteria, time, people, the database and autodeploy are all there."""
    made = FACTS | {"rollback_document": document(FACTS["contacts"])}
    told = published(DOCUMENTS["docs/ROLLBACK.md"], made)

    for wanted in (
        'pyinfra inventory/prod.py runbooks/rollback.py --data run=cutover-1 --data reason="…"',
        "--data to=users-back",
        "| errors of 100 requests, over the window | 5.0 |",
        "| 95 of 100 requests within, in seconds, at any moment | 1.0 |",
        "| a way back may take, in minutes | 15 |",
        FACTS["contacts"],
        "handrail document backups",
        "Autodeploy stays off",
        FACTS["archive_branch"],
    ):
        assert wanted in told


@pytest.mark.parametrize("path", ["docs/ROLLBACK.md", "docs/MIGRATION.md"])
def test_documents_name_tasks_and_scripts_that_exist(path):
    """Runbooks, tasks and scripts that a document names are there."""
    runbooks = FILES.parents[1] / "runbooks"
    cutover = (runbooks / "cutover.py").read_text()

    for name in re.findall(r"runbooks/(\w+\.py)", text(path)):
        assert (runbooks / name).is_file()
    for task in re.findall(r"(?:task |to=)(\d+(?:\.\d+)*)", text(path)):
        assert f'task="{task}"' in cutover


def test_rollback_document_tells_the_way_back_of_every_step_as_its_contract_does():
    """In the order in which a rollback of all goes; and no line of it is written by hand."""
    rows = [line.split(" | ") for line in document("x").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if re.fullmatch(r"\| [\d.]+", row[0])]
    contracts = steps()

    assert [row[0].strip("| ") for row in rows] == list(reversed(contracts))
    for row, contract in zip(rows, reversed(contracts.values()), strict=True):
        assert row[2] == contract.rollback_name or row[2].startswith("stays: ")
    by_hand = (FILES / DOCUMENTS["docs/ROLLBACK.md"]).read_text(encoding="utf-8")
    assert "$rollback_document" in by_hand
    told = {contract.rollback_name for contract in contracts.values()} - {""}
    assert not [each for each in told if each in by_hand]


def test_completion_document_is_told_by_the_ledger():
    """No table of what was removed, and none of where the evidence is, is written by hand."""
    by_hand = (FILES / DOCUMENTS["docs/MIGRATION.md"]).read_text(encoding="utf-8")

    assert "$completion_document" in by_hand
    assert "| removed |" not in by_hand
    assert "DIRECTORY/RUN" not in by_hand

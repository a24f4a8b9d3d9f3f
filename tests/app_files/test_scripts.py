"""Plan tasks 8.1 to 8.3 and 8.5: the three scripts that stand in the app's repository, as typed.

They run in a virtual environment of their own, with what `requirements.txt` asks for and no more.
"""

import json
import os
import subprocess

import psycopg
import pytest

from tests.app_files.conftest import SCRIPTS, published
from tests.cli.test_wheel import built, installed
from tests.operations.databases import databases, server

ORDER = ("export_nodejs_data", "import_django_data", "verify_migration")


class Checkout:
    """A clone of the app, the two databases, and the environment that `pip install` made."""

    def __init__(self, folder, python, url):
        """Write the files as the runbook publishes them."""
        self.folder, self.python, self.url = folder, python, url
        self.variables = {"NODEJS_DATABASE_URL": url["legacy"], "DATABASE_URL": url["django"]}
        for path, source in SCRIPTS.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(published(source), encoding="utf-8")

    def run(self, script, *options, **variables):
        """Type a script as the plan does; return its status and all it printed."""
        given = {"PATH": os.environ["PATH"], **self.variables, **variables}
        done = subprocess.run(
            [self.python, f"rotc_backend/scripts/{script}.py", *options],
            cwd=self.folder, env=given, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    def tell(self, side, statement):
        """Run a statement on one side; return its rows."""
        with psycopg.connect(self.url[side], autocommit=True) as session:
            cursor = session.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment that holds the wheel alone."""
    return installed(built(tmp_path_factory.mktemp("wheel")), tmp_path_factory.mktemp("env"))


@pytest.fixture(scope="module")
def moved(python, tmp_path_factory):
    """A checkout in which all three were typed, in order; with what each of them said."""
    with databases() as made:
        checkout = Checkout(tmp_path_factory.mktemp("app"), python / "python", made.url)
        options = {"verify_migration": ["--no-files"]}
        checkout.superuser = server().url(made.names["django"])
        checkout.said = {name: checkout.run(name, *options.get(name, ())) for name in ORDER}
        yield checkout


def test_a_clone_and_one_pip_install_repeat_the_migration(moved):
    """Exported, imported and equal, without a runbook and without a ledger."""
    assert [status for status, _ in moved.said.values()] == [0, 0, 0], moved.said
    assert "Every row is there and equal" in moved.said["verify_migration"][1]
    assert json.loads((moved.folder / "migration/verification.json").read_text())["good"]
    counts = {
        side: moved.tell(side, "select count(*) from cadets") for side in ("legacy", "django")
    }
    assert counts["legacy"] == counts["django"]
    assert not (moved.folder / "state").exists()


def test_the_export_creates_json_files_and_a_manifest(moved):
    """19 tables and `auth_user`, in the order that foreign keys need, nothing of it for others."""
    place = moved.folder / "migration" / "export"
    manifest = json.loads((place / "manifest.json").read_text())
    tables = [each["table"] for each in manifest["tables"]]
    assert len(tables) == 20
    for parent, child in (("cadets", "grades"), ("users", "notifications"), ("users", "auth_user")):
        assert tables.index(parent) < tables.index(child)
    assert all((place / each["chunks"][0]["rows"]["name"]).exists() for each in manifest["tables"])
    assert (moved.folder / "migration").stat().st_mode & 0o077 == 0
    assert "*" in (moved.folder / "migration" / ".gitignore").read_text()


def test_the_import_handles_missing_foreign_keys_gracefully(moved):
    """Such a row is kept out, with its reason, in a file that says which it is."""
    kept = (moved.folder / "migration" / "quarantine.ndjson").read_text().splitlines()
    reasons = {json.loads(each)["reason"] for each in kept}
    assert any("cadet" in each for each in reasons), reasons


def test_the_verification_asks_for_the_files_that_rows_point_to(moved):
    """The seed names a file host that is not there: each file is told, unless so many may be."""
    status, said = moved.run("verify_migration")
    assert status == 1
    assert "file does not answer" in said


@pytest.mark.parametrize("script", ORDER)
def test_a_script_says_which_variable_is_missing(moved, script):
    """In three lines, with the command to type, and nothing of the other address."""
    status, said = moved.run(script, NODEJS_DATABASE_URL="")
    assert status == 1
    assert "`NODEJS_DATABASE_URL` is not set" in said
    assert "next: export NODEJS_DATABASE_URL=" in said
    assert moved.url["django"] not in said


def test_an_import_without_an_export_is_refused(moved):
    """Nothing is read from a folder that holds none."""
    status, said = moved.run("import_django_data", "--folder", "elsewhere")
    assert status == 1
    assert "elsewhere" in said


def test_the_requirement_is_this_version_of_the_library():
    """What `pip install -r` asks for is what the wheel is."""
    asked = published("scripts/requirements.txt").splitlines()[-1]
    assert asked.startswith("handrail>=0.1,<0.2")


def test_the_verification_detects_orphaned_records(moved):
    """A record whose parent is gone is named. This test is the last: it leaves the database so."""
    with psycopg.connect(moved.superuser, autocommit=True) as session:
        session.execute("set session_replication_role = replica")  # as a broken restore leaves it
        session.execute("update grades set cadet_id = 0 where id = (select min(id) from grades)")
    status, said = moved.run("verify_migration", "--no-files")
    assert status == 1
    assert "discrepancy: references of `grades` cadet_id: 1 " in said

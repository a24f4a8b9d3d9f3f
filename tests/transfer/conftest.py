"""Two real databases for every test: the seeded legacy one, and one that Django migrated."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsal.postgres import PostgresServer
from rehearsal.seed import fill

from handrail.transfer.load import load
from tests.transfer.pair import MAPPING, Pair, ask
from tests.transfer.small import Small

APPLICATION = Path(__file__).parents[1] / "rehearsal" / "rehearsal" / "repo" / "rotc_backend"
ROWS = 400
# Few rows hold few odd ones; each of these must be there whatever the seed draws.
CERTAIN = """
insert into excuse_letters (cadet_id, date_absent) values (2000000000, '2025-02-02');
insert into push_subscriptions (user_id, endpoint, keys)
values (1, 'https://push.example/odd', '[object Object]');
insert into users (username, password, role, email)
select 'twin' || n, password, role, 'twin@rotc.example'
from users, generate_series(1, 2) n where id = 1
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One PostgreSQL server for all tests here."""
    with PostgresServer(tmp_path_factory.mktemp("transfer-postgres")) as running:
        yield running


@pytest.fixture(scope="session")
def templates(server, tmp_path_factory):
    """The databases every test copies: `legacy_seed` with rows, `legacy_empty`, `django`."""
    server.create_database("legacy_seed")
    fill(server.url("legacy_seed"), ROWS, "http://127.0.0.1:9")
    ask(server.url("legacy_seed"), CERTAIN)
    server.create_database("legacy_empty")
    fill(server.url("legacy_empty"), 200, "http://127.0.0.1:9")
    server.create_database("django")
    migrate(server.url("django"), tmp_path_factory.mktemp("django"))
    return server


def migrate(url, directory):
    """Run the application's own migrations."""
    copied = directory / "rotc_backend"
    shutil.copytree(APPLICATION, copied, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=copied,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings.production",
            "SECRET_KEY": "k" * 50,
            "DEBUG": "false",
            "ALLOWED_HOSTS": "127.0.0.1",
            "CORS_ALLOWED_ORIGINS": "http://127.0.0.1",
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "CELERY_BROKER_URL": "redis://127.0.0.1:1/1",
            "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/2",
            "CLOUDINARY_CLOUD_NAME": "rehearsal",
            "CLOUDINARY_API_KEY": "1",
            "CLOUDINARY_API_SECRET": "secret",
            "PORT": "8000",
        },
        check=True,
    )


@pytest.fixture
def pair(templates, request):
    """A seeded legacy database and an empty migrated one, both of this test alone."""
    with Pair.copied(templates, "legacy_seed") as made:
        yield made


@pytest.fixture(scope="session")
def loaded_once(templates):
    """A loaded Django database to copy: a plan knows no database names, so the copy is loaded."""
    pair = Pair(templates, "legacy_seed", "django_loaded", MAPPING)
    templates.create_database("django_loaded", "django")
    pair.load()
    return templates


@pytest.fixture
def filled(loaded_once):
    """A pair of this test alone, with its load done."""
    with Pair.copied(loaded_once, "legacy_seed", django="django_loaded") as made:
        assert made.plan  # compiled before the test damages anything
        yield made


@pytest.fixture(scope="module")
def loaded(templates, tmp_path_factory):
    """A pair whose load is done, for tests that only read it."""
    with Pair.copied(templates, "legacy_seed") as made:
        made.result = load.load(made.plan, made.source, made.destination)
        yield made


@pytest.fixture(scope="module")
def part(templates, tmp_path_factory):
    """Make a pair whose mapping is the part of `rotc.yaml` that names these tables.

    They go with the server: dropping a database costs a checkpoint.
    """
    made = []

    def make(*tables):
        made.append(Pair.part(templates, tables, tmp_path_factory.mktemp("mapping")))
        return made[-1]

    yield make
    for pair in made:
        pair.leave()


@pytest.fixture
def rewritten(tmp_path):
    """Write `rotc.yaml` anew with one text replaced; return its path and the changed line."""

    def rewrite(old, new):
        text = MAPPING.read_text(encoding="utf-8")
        assert text.count(old) >= 1
        path = tmp_path / "mapping.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path, text[: text.index(old)].count("\n") + 1

    return rewrite


@pytest.fixture
def small(server, tmp_path):
    """Two empty databases of this test alone; see `Small.holds`."""
    made = Small(server, tmp_path)
    yield made
    made.close()

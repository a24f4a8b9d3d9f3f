"""One PostgreSQL, one filled database to copy from, and one set of npm packages."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from rehearsal.binaries import find_node
from rehearsal.postgres import PostgresServer
from rehearsal.seed import LEAST_ROWS, fill

from tests.rehearsal_legacy.node_server import NodeServer

REPOSITORY = Path(__file__).parent.parent / "rehearsal" / "rehearsal" / "repo"
FILEHOST = "http://files.invalid"
SMALL = LEAST_ROWS


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server for the session."""
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def filled(postgres):
    """A filled database that tests only read, and its canaries."""
    url = postgres.create_database("filled")
    return url, fill(url, SMALL, FILEHOST)


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The server of the legacy repository with its packages, installed as its lock file says."""
    directory = tmp_path_factory.mktemp("legacy") / "server"
    shutil.copytree(REPOSITORY / "server", directory, ignore=shutil.ignore_patterns("node_modules"))
    node = find_node()
    subprocess.run(
        [node.node, node.npm_cli, "ci", "--ignore-scripts", "--prefer-offline"],
        cwd=directory,
        env=os.environ | {"PATH": f"{node.node.parent}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    return directory


@pytest.fixture(scope="module")
def database(postgres, filled, request):
    """A database of the module's own, filled; tests of the module may write to it."""
    name = f"legacy_{request.module.__name__.rpartition('.')[2]}"
    url = postgres.create_database(name, template=filled[0].rpartition("/")[2])
    yield url
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def server(installed, database):
    """A running legacy server on the module's database."""
    with NodeServer(installed, database, housekeeping_seconds=0.2) as running:
        yield running

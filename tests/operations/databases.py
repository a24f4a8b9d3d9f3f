"""One PostgreSQL server for all tests here: a seeded legacy database and a migrated Django one."""

import atexit
import json
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rehearsal import roles
from rehearsal.postgres import PostgresServer
from rehearsal.seed import LEAST_ROWS, fill

from handrail.transfer.backup import backup
from tests.transfer.conftest import migrate
from tests.transfer.pair import MAPPING, NUMBERS

__all__ = ["MAPPING"]
OWNER = "owner"  # of every database here, and no superuser


@cache
def server():
    """Return the server, with the templates `legacy_seed` and `django`."""
    directory = Path(tempfile.mkdtemp(prefix="operations-postgres-"))
    running = PostgresServer(directory)
    running.start()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    atexit.register(running.stop)
    roles.create(running, OWNER, owns_databases=True)
    fill(running.create_database("legacy_seed", owner=OWNER), LEAST_ROWS, "http://127.0.0.1:9")
    django = running.create_database("django", owner=OWNER)
    migrate(django, directory / "app")
    running.directory_of_backup = directory / "backup"
    backup.take(django, running.directory_of_backup)
    backup.prove(django, running.directory_of_backup)
    return running


class Databases:
    """A legacy and a Django database of one test alone, their addresses in files."""

    def __init__(self, directory, template="django"):
        """Copy the templates."""
        self.directory = directory
        self.names = {"legacy": f"law_legacy_{next(NUMBERS)}", "django": f"law_{next(NUMBERS)}"}
        self.url = {
            "legacy": server().create_database(self.names["legacy"], "legacy_seed", OWNER),
            "django": server().create_database(self.names["django"], template, OWNER),
        }
        for side, url in self.url.items():
            (directory / side).write_text(url)

    def reference(self, side):
        """Return how an inventory names the database of one side."""
        return f"file:{self.directory / side}"

    def place_backup(self, run, label):
        """Put a proven backup of the migrated, empty database where a run keeps its own."""
        place = self.directory / "evidence" / run / f"backup-{label}"
        shutil.copytree(server().directory_of_backup, place)
        manifest = place / "manifest.json"
        told = json.loads(manifest.read_text()) | {"database": self.names["django"]}
        manifest.write_text(json.dumps(told))

    def close(self):
        """Drop both, and what restores left of them."""
        for name in self.names.values():
            server().drop_database(name)


@contextmanager
def databases():
    """Make both databases for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="operations-databases-") as directory:
        made = Databases(Path(directory))
        try:
            yield made
        finally:
            made.close()

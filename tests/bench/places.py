"""The databases of a run, made once: the legacy one, its destinations bare and keyed."""

import json
import subprocess
from pathlib import Path

import psycopg
from rehearsal.seed import schema

from handrail.transfer.sql.compile import open_plan
from tests.bench import anchors, rows
from tests.bench.cluster import Cluster
from tests.bench.measure import say, told
from tests.transfer.conftest import migrate
from tests.transfer.pair import MAPPING

SETTINGS = (
    "shared_buffers=4GB",
    "max_wal_size=16GB",
    "maintenance_work_mem=512MB",
    "checkpoint_timeout=1h",
)
BARE = """
do $$ declare item record; begin
    for item in select conrelid::regclass as t, conname from pg_constraint
                where connamespace = 'public'::regnamespace and conrelid <> 0
                order by contype = 'f' desc loop
        execute format('alter table %s drop constraint if exists %I cascade', item.t, item.conname);
    end loop;
    for item in select indexrelid::regclass as i from pg_index x join pg_class c on c.oid = indrelid
                where c.relnamespace = 'public'::regnamespace loop
        execute format('drop index %s', item.i);
    end loop;
end $$
"""


class WorkerFailed(Exception):
    """One of our own operations did not end well."""


def run(name: str, **given: object) -> dict:
    """Run one operation in a process of its own; return its seconds, peak and result."""
    answer = subprocess.run(
        anchors.python("worker"),
        input=json.dumps({"work": name} | given),
        capture_output=True,
        text=True,
        check=False,
        cwd=anchors.ROOT,
    )
    if answer.returncode != 0:
        raise WorkerFailed(f"{name}: {answer.stderr.strip()[-2000:]}")
    return json.loads(answer.stdout)


class Places:
    """One server with the databases of a run.

    Args:
        server: Running cluster.
        directory: Where files go.
    """

    def __init__(self, server: Cluster, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.rows = 0
        self.plan = None

    def make(self, number: int) -> None:
        """Make and fill everything that stays; `number` is the rows altogether."""
        self.make_empty()
        self.fill("legacy", rows.counts(number))
        self.plan = open_plan(MAPPING, self.url("legacy"), self.url("django"))
        self.bare("raw_heap", None, schema())
        self.bare("django_heap", "django")
        self.load_once("loaded", "legacy")
        self.fresh("shaped", "loaded")
        self.tell("shaped", "drop schema _migration cascade", "vacuum analyze")

    def make_empty(self) -> None:
        """Let the application's own migrations make the destination."""
        say("migrating an empty destination")
        self.server.create_database("django")
        with told("manage.py migrate"):
            migrate(self.url("django"), self.directory / "application")

    def fill(self, name: str, number: dict[str, int]) -> int:
        """Make one legacy database."""
        say(f"filling `{name}`: {sum(number.values()):,} rows")
        self.server.create_database(name)
        with told(f"filling `{name}`"):
            self.rows = rows.fill(self.url(name), number)
        return self.rows

    def bare(self, name: str, template: str | None, ddl: str = "") -> None:
        """Make a database whose tables have neither keys nor indexes."""
        self.server.create_database(name, template)
        self.tell(name, *([ddl] if ddl else []), BARE)

    def load_once(self, name: str, source: str) -> dict:
        """Make a destination that is loaded for good."""
        say(f"loading `{name}` from `{source}` once")
        self.fresh(name)
        with told(f"loading `{name}`"):
            done = self.work("load_all", source, name)
        self.tell(name, "vacuum analyze")
        return done

    def work(self, name: str, source: str, destination: str, **given: object) -> dict:
        """Run one of our operations between two databases, as the mapping has it.

        The mapping is compiled for the keyed destination: a bare one has lost what it refers to.
        """
        return run(
            name,
            mapping=str(MAPPING),
            shape=self.url("django"),
            source=self.url(source),
            destination=self.url(destination),
            **given,
        )

    def url(self, name: str) -> str:
        """Return a database's address."""
        return self.server.url(name)

    def fresh(self, name: str, template: str | None = "django") -> str:
        """Make a database anew, out of the clock; return its address."""
        self.server.drop_database(name)
        self.server.create_database(name, template)
        self.tell("postgres", "checkpoint")
        return self.url(name)

    def emptied(self, name: str) -> str:
        """Empty every table of a bare database, out of the clock; return its address."""
        with psycopg.connect(self.url(name), autocommit=True) as session:
            listing = session.execute(
                "select string_agg(format('public.%I', tablename), ', ') from pg_tables "
                "where schemaname = 'public'"
            ).fetchone()[0]
            session.execute(f"truncate {listing}")
            session.execute("checkpoint")
        return self.url(name)

    def tell(self, name: str, *statements: str) -> None:
        """Run statements, each on its own."""
        with psycopg.connect(self.url(name), autocommit=True) as session:
            for statement in statements:
                session.execute(statement)

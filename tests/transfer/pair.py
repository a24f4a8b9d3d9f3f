"""A legacy and a Django database that belong together, with the mapping between them."""

import itertools
from pathlib import Path

import psycopg
import yaml
from psycopg import sql

from handrail.transfer.load import load
from handrail.transfer.sql.compile import open_plan

MAPPING = Path(__file__).parents[2] / "inventory" / "rotc.yaml"
NUMBERS = itertools.count(1)
BOUNDS = {"max_nulled", "max_defaulted"}


class Pair:
    """Two databases of one server; `plan` is compiled on first use."""

    def __init__(self, server, source, destination, mapping):
        self.server = server
        self.names = (source, destination)
        self.source = server.url(source)
        self.destination = server.url(destination)
        self.mapping = mapping
        self.result = None
        self.used = False
        self.sessions = {}
        self._plan = None

    @classmethod
    def copied(cls, server, legacy, mapping=MAPPING, django="django"):
        """Copy the templates."""
        number = next(NUMBERS)
        names = f"legacy_{number}", f"django_{number}"
        server.create_database(names[0], legacy)
        server.create_database(names[1], django)
        return cls(server, *names, mapping)

    @classmethod
    def part(cls, server, tables, directory):
        """Keep the named tables of the mapping, drop the other source tables."""
        whole = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))
        others = {
            rule.get("from", name) for name, rule in whole["tables"].items() if "also" not in rule
        }
        dropped = dict.fromkeys(sorted(others - set(tables)), "not looked at here")
        whole["tables"] = {name: whole["tables"][name] for name in tables}
        for rule in whole["tables"].values():
            for column in rule.get("columns", {}).values():
                # bounds are for the rows of then; of the few drawn here, any may be odd
                column.update(dict.fromkeys(BOUNDS & set(column), "100%"))
        whole["drop_tables"] |= dropped
        path = directory / "part.yaml"
        path.write_text(
            yaml.safe_dump(whole, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        pair = cls.copied(server, "legacy_empty", path)
        pair.tables = tables
        return pair

    @property
    def plan(self):
        """The mapping compiled against both."""
        if self._plan is None:
            self._plan = open_plan(self.mapping, self.source, self.destination)
        return self._plan

    def refill(self, **given):
        """Empty the tables on both sides, then insert rows given as dictionaries."""
        legacy, django = self.session(self.source), self.session(self.destination)
        with legacy.transaction():
            self.empty(legacy, [table.source for table in self.plan.tables])
            for table, members in given.items():
                for member in members:
                    statement = sql.SQL("insert into {} ({}) values ({})").format(
                        sql.Identifier(table),
                        sql.SQL(", ").join(map(sql.Identifier, member)),
                        sql.SQL(", ").join(sql.Placeholder() * len(member)),
                    )
                    legacy.execute(statement, list(member.values()))
        with django.transaction():
            self.empty(django, [table.name for table in self.plan.tables])
            if self.used:
                evidence = [
                    f"_migration.{name}" for name in ("run", "chunk", "quarantine", "adjusted")
                ]
                self.empty(django, evidence)
        self.used = True

    def empty(self, connection, tables):
        """Truncate once, for what refers to the tables; then delete: quicker for few rows."""
        if not self.used:
            connection.execute(f"truncate {', '.join(tables)} cascade")
        for table in reversed(tables):
            connection.execute(f"delete from {table}")

    def load(self, **options):
        """Load all of it."""
        return load.load(self.plan, self.source, self.destination, **options)

    def session(self, url):
        """One session per side, kept: a login costs more than most of the questions."""
        if url not in self.sessions or self.sessions[url].closed:
            self.sessions[url] = psycopg.connect(url, autocommit=True)
        return self.sessions[url]

    def legacy(self, query, *values):
        """Ask, or tell, the legacy database."""
        return rows(self.session(self.source), query, values)

    def django(self, query, *values):
        """Ask, or tell, the Django database."""
        return rows(self.session(self.destination), query, values)

    def leave(self):
        """End the sessions."""
        for session in self.sessions.values():
            session.close()

    def close(self):
        """Drop both."""
        self.leave()
        for name in self.names:
            self.server.drop_database(name)

    def __enter__(self):
        """Take it."""
        return self

    def __exit__(self, *exception):
        """Drop both, whatever happened."""
        self.close()


def rows(session, query, values=()):
    """Run one statement and return its rows, if it gives any."""
    cursor = session.execute(query, values or None)
    return cursor.fetchall() if cursor.description else []


def ask(url, query):
    """Run one statement in a session of its own."""
    with psycopg.connect(url, autocommit=True) as session:
        return rows(session, query)

"""Two databases of a few lines each, for what one input comes to."""

import itertools

from handrail.transfer.draft.draft import draft
from handrail.transfer.load import load
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.read import preflight
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify import verify
from tests.transfer.pair import ask

NUMBERS = itertools.count(1)


class Small:
    """A source, a destination, and a mapping file between them."""

    def __init__(self, server, folder):
        """Make both, empty."""
        number = next(NUMBERS)
        self.server = server
        self.names = f"small_source_{number}", f"small_destination_{number}"
        for name in self.names:
            server.create_database(name)
        self.urls = tuple(map(server.url, self.names))
        self.path = folder / f"mapping_{number}.yaml"

    def holds(self, source, destination, mapping=None):
        """Give both what they hold; write the mapping, or draft it."""
        ask(self.urls[0], source)
        ask(self.urls[1], destination)
        self.path.write_text(mapping or self.draft(), encoding="utf-8")
        return self

    def draft(self):
        """Draft a mapping between them."""
        return draft(*self.urls)

    def plan(self, **options):
        """Compile the mapping."""
        return open_plan(self.path, *self.urls, **options)

    def preflight(self):
        """Try every row."""
        return preflight.check(self.plan(), *self.urls)

    def refused(self):
        """Return what keeps a load from beginning: subject, words, keys and values."""
        found = self.preflight()
        assert not found.good
        return [
            (f"{f.table}.{f.column}", f.what, list(f.keys), list(f.values))
            for f in found.findings
            if f.verdict == "refused"
        ]

    def load(self, **options):
        """Load, verify, and return what the verification came to."""
        plan = self.plan()
        load.load(plan, *self.urls, **options)
        return verify.verify(plan, *self.urls)

    def verify(self):
        """Return what a verification comes to now."""
        return verify.verify(self.plan(), *self.urls)

    def here(self, query):
        """Ask, or tell, the source."""
        return ask(self.urls[0], query)

    def there(self, query):
        """Ask the destination."""
        return ask(self.urls[1], query)

    def source(self, query):
        """Ask the source."""
        return ask(self.urls[0], query)

    def problems(self):
        """Return what the mapping is refused for, as `line: what; fix`."""
        try:
            self.plan()
        except MappingRefused as refused:
            return [str(each).removeprefix(f"{self.path}:") for each in refused.problems]
        return []

    def close(self):
        """Drop both."""
        for name in self.names:
            self.server.drop_database(name)

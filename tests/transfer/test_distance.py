"""Round trips to databases that are far away: as many as there are tables, not rows."""

from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from psycopg.errors import DivisionByZero
from rehearsal.distance import Distance

from handrail.transfer.backup import dump
from handrail.transfer.load import catchup, load, worker_pool, workers
from handrail.transfer.read import export
from handrail.transfer.session import asking, connection
from handrail.transfer.session.refused import DatabaseRefused
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify.verify import verify

SESSION = 6  # round trips of a login, with its settings
PIECES = 4
CHUNK = 6
CHUNK_OF_WORKERS = 5


@dataclass
class Far:
    """A pair over a way on which round trips are counted."""

    way: Distance
    source: str
    destination: str
    spent: int = 0

    @contextmanager
    def at_most(self, round_trips, sessions=2):
        """See a block do with so many round trips, and so many logins beside."""
        before, began = self.way.round_trips, self.way.sessions
        yield
        opened = self.way.sessions - began
        self.spent = self.way.round_trips - before
        assert opened <= sessions
        assert self.spent <= round_trips + SESSION * opened


@pytest.fixture
def far(pair):
    """The pair of a test, with a counted way to its server."""
    with Distance(pair.server.port) as way:
        yield Far(way, way.url(pair.source), way.url(pair.destination))


def loaded(pair, far):
    """Load over the counted way."""
    load.load(pair.plan, far.source, far.destination, mode="bulk", preflighted=True)


def test_a_load_and_its_verification_take_few_round_trips_for_a_table(pair, far):
    """Three for a table to load it with keys and indexes, one to verify it; few to compile."""
    tables = len(pair.plan.tables)
    with far.at_most(10):
        open_plan(pair.mapping, far.source, far.destination)
    with far.at_most(3 * tables):
        loaded(pair, far)
    with far.at_most(tables):
        report = verify(pair.plan, far.source, far.destination)
    assert report.good


def test_more_rows_take_no_more_round_trips(pair, far):
    """Twice the rows, the same number to load and to verify.

    But for the few that a pipeline takes which is answered in pieces.
    """
    counted = []
    pair.legacy("delete from audit_logs where id % 2 = 0")
    for _ in range(2):
        with far.at_most(3 * len(pair.plan.tables)):
            loaded(pair, far)
        counted.append(far.spent)
        with far.at_most(len(pair.plan.tables)):
            assert verify(pair.plan, far.source, far.destination).good
        counted.append(far.spent)
        pair.django("drop schema _migration cascade")
        pair.django(f"truncate {', '.join(table.name for table in pair.plan.tables)} cascade")
        pair.legacy(
            "insert into audit_logs (user_id, table_name, operation, payload, created_at) "
            "select user_id, table_name, operation, payload, created_at "
            "from audit_logs, generate_series(1, 3)"
        )
    few, many = counted[:2], counted[2:]
    assert all(later <= first + PIECES for first, later in zip(few, many, strict=True))


def test_what_follows_a_load_takes_few_round_trips(pair, far, tmp_path):
    """To bring it up to date, to export and to hash every table: less than two for a table."""
    loaded(pair, far)
    tables = len(pair.plan.tables)
    with far.at_most(2 * tables):
        catchup.catch_up(pair.plan, far.source, far.destination, bound_seconds=60)
    with far.at_most(tables, sessions=1):
        export.export(pair.plan, far.source, far.destination, tmp_path / "made", preflighted=True)
    with far.at_most(2, sessions=1):
        dump.fingerprint(far.source)


def test_lines_of_questions_share_their_round_trips(pair, far):
    """Twenty lines of three questions each, one after the other, take three round trips."""

    def line(session, number):
        for _ in range(3):
            number = yield from asking.only(session, f"select {number} + 1")
        return number

    with connection.connect(far.source) as session:
        before = far.way.round_trips
        found = asking.together([line(session, number) for number in range(20)])
        assert far.way.round_trips - before == 3
    assert found == [number + 3 for number in range(20)]


def test_a_refusal_names_the_database_that_was_asked(pair):
    """Whichever of two sessions that are asked at once was opened last."""
    with (
        pytest.raises(DatabaseRefused, match="the source did not do as it was asked"),
        connection.connect(pair.source, name="source") as ours,
        connection.connect(pair.destination, name="destination") as theirs,
    ):
        asking.together([asking.only(ours, "select 1 / 0"), asking.only(theirs, "select 1")])


def test_a_question_that_fails_tells_what_the_server_said(pair):
    """The others that went with it are not answered, and the session is good afterwards."""
    with connection.connect(pair.source) as session:
        lines = [asking.only(session, query) for query in ("select 1", "select 1 / 0", "select 2")]
        with pytest.raises(DivisionByZero):
            asking.together(lines)
        assert asking.answered(asking.only(session, "select 3")) == 3


def chunk_by_chunk(pair, far, **options):
    """Load twice, the second time in many more chunks; return how many, and their round trips."""
    counted = []
    for chunk_rows in (40, 10):
        with far.at_most(2000, sessions=11):
            done = load.load(
                pair.plan, far.source, far.destination, mode="bulk", preflighted=True,
                chunk_rows=chunk_rows, **options,
            )  # fmt: skip
        counted.append((done.chunks_moved, far.spent))
        pair.django("drop schema _migration cascade")
        pair.django(f"truncate {', '.join(table.name for table in pair.plan.tables)} cascade")
    (few, least), (many, most) = counted
    assert many >= few + 20
    return many - few, most - least


def test_a_chunk_more_takes_few_round_trips(pair, far):
    """As many for every chunk of a large table, of which there are `MOST_CHUNKS` at most."""
    chunks, round_trips = chunk_by_chunk(pair, far)

    assert round_trips <= CHUNK * chunks


def test_a_chunk_more_takes_a_worker_few_round_trips(pair, far, monkeypatch):
    """It commits one chunk and takes the next in one, and hashes the rows as they arrive.

    What the load looks at meanwhile, every quarter of a second, is not of a chunk.
    """
    looks = []

    class Counted(worker_pool._Seen):
        def new(self):
            looks.append(self)
            return super().new()

    monkeypatch.setattr(worker_pool, "_Seen", Counted)
    chunks, round_trips = chunk_by_chunk(pair, far, workers=workers.local(2))

    assert round_trips <= CHUNK_OF_WORKERS * chunks + len(looks)

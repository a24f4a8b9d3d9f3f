"""Tables cut by the first column of their key: composite keys, texts in any collation, no key."""

import itertools

import pytest

from handrail.transfer.load import bulk, rebuild
from handrail.transfer.load.catchup import catch_up
from handrail.transfer.load.load import load
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify.verify import verify
from tests.transfer.pair import ask

TABLES = """
create table badges (cadet_id int, badge text, given date, primary key (cadet_id, badge));
create table words (word varchar(40) primary key, n int);
create table loose (n int)
"""
MAPPING = """
tables:
  badges: {copy: [cadet_id, badge, given]}
  words: {copy: [word, n]}
  loose: {copy: [n]}
"""
# In the order of their bytes, of a dictionary, and of neither.
WORDS = ["a", "B", "á", "Z", "_x", "a b", "ab", "ABC", "-", "zebra", "Ä", "ø", "日", "'", '"', "\\"]
NUMBERS = iter(range(1, 100))


@pytest.fixture
def sides(server, tmp_path):
    """Two databases of these tables, the source's with rows, and a mapping."""
    names = [f"{kind}_cut_{next(NUMBERS)}" for kind in ("source", "destination")]
    for name in names:
        server.create_database(name)
        ask(server.url(name), TABLES)
    source, destination = map(server.url, names)
    ask(
        source,
        "insert into badges select g / 3, 'badge ' || g % 3, date '2024-01-01' + g "
        "from generate_series(0, 599) g; "
        "insert into loose select g % 7 from generate_series(1, 50) g",
    )
    words = enumerate(map("".join, itertools.product(WORDS, WORDS)))
    rows = ", ".join(f"($w${word}$w$, {number})" for number, word in words)
    ask(source, f"insert into words values {rows} on conflict do nothing")
    ask(source, "analyze")  # chunks go by it; autovacuum may have done so halfway
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    yield path, source, destination
    for name in names:
        server.drop_database(name)


def chunks_of(destination):
    """Return how many chunks of each table are on record."""
    return dict(ask(destination, "select table_name, count(*) from _migration.chunk group by 1"))


@pytest.mark.parametrize("mode", ["stream", "bulk"])
def test_every_row_is_in_one_chunk_whatever_its_key_is(sides, mode):
    """Several chunks of the keyed tables, one of the table without a key, and all rows equal."""
    path, source, destination = sides
    plan = open_plan(path, source, destination)

    done = load(plan, source, destination, mode=mode, chunk_rows=50)

    assert done.rows == 600 + 50 + ask(source, "select count(*) from words")[0][0]
    made = chunks_of(destination)
    assert made["badges"] > 10
    assert made["words"] > 3
    assert made["loose"] == 1
    report = verify(plan, source, destination)
    assert report.good, report.reasons()


def test_a_changed_row_moves_its_own_chunk_again(sides):
    """A text key's chunk and a composite key's are each found by the range they were moved by."""
    path, source, destination = sides
    plan = open_plan(path, source, destination)
    load(plan, source, destination, chunk_rows=50)

    ask(source, "update words set n = -1 where word = 'ÄZ'; delete from badges where cadet_id = 77")
    followed = catch_up(plan, source, destination, bound_seconds=60)

    assert followed.chunks_moved == 2
    assert ask(destination, "select n from words where word = 'ÄZ'") == [(-1,)]
    report = verify(plan, source, destination)
    assert report.good, report.reasons()


def test_a_load_stopped_midway_goes_on_with_what_waits(sides):
    """The second call moves the other chunks, and no row is there twice."""
    path, source, destination = sides
    plan = open_plan(path, source, destination)
    left = iter(range(4))

    def stop(_):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(plan, source, destination, mode="bulk", chunk_rows=50, on_chunk=stop)
    done = load(plan, source, destination, mode="bulk", chunk_rows=50)

    assert done.chunks_unchanged == 5
    report = verify(plan, source, destination)
    assert report.good, report.reasons()


def test_a_key_comes_down_only_where_that_is_no_loss(sides, monkeypatch):
    """The key of a table in many chunks stays, and so does one that a view depends on."""
    path, source, destination = sides
    ask(destination, "create view by_word as select word, n from words group by word")
    plan = open_plan(path, source, destination)
    down = []

    class Watched(rebuild.Rebuild):
        def __init__(self, session, *given):
            down.append({(item.table, item.kind) for item in bulk.pending(session, plan.digest)})
            super().__init__(session, *given)

    monkeypatch.setattr(rebuild, "Rebuild", Watched)
    load(plan, source, destination, mode="bulk")
    assert down == [{("badges", "p")}]

    ask(destination, "drop schema _migration cascade; truncate badges, words, loose")
    monkeypatch.setattr(bulk, "FEW", 5)
    load(plan, source, destination, mode="bulk", chunk_rows=100)
    assert chunks_of(destination)["badges"] > bulk.FEW
    assert down[1] == set()
    assert verify(plan, source, destination).good

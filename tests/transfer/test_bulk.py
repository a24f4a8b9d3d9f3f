"""A bulk load leaves the destination's tables as it found them, but for the rows."""

import subprocess

import pytest

from handrail.transfer.load import load
from handrail.transfer.load.bulk import CatalogChanged
from handrail.transfer.load.catchup import catch_up
from handrail.transfer.session import programs
from handrail.transfer.verify.verify import verify
from tests.transfer.pair import ask
from tests.transfer.small import Small

SOURCE = """
create table p (id int primary key, a text, b int);
insert into p select g, 'x' || g, g % 7 from generate_series(1, 50) g;
create table c (id int primary key, p int references p, span text);
insert into c select g, g, 'x' from generate_series(1, 20) g;
"""
MAPPING = """
tables:
  p: {copy: [id, a, b]}
  c: {copy: [id, p, span]}
"""
RICH = """
create extension citext; create extension btree_gist;
create table p (id int constraint p_key primary key with (fillfactor = 70),
    a text not null, b int not null,
    constraint u unique (a) include (b) with (fillfactor = 80) deferrable initially deferred);
comment on constraint p_key on p is 'the key''s own';
comment on index p_key is 'of the index';
create unique index p_ab on p (a, b);
alter table p replica identity using index p_ab;
create index p_lower on p (lower(a) text_pattern_ops desc nulls last) with (fillfactor = 60)
    where b > 0;
alter index p_lower alter column 1 set statistics 321;
comment on index p_lower is 'kept?';
cluster p using p_ab;
create index "Odd Name" on p using brin (b) with (pages_per_range = 8);
create index p_hash on p using hash (a);
alter index p_hash depends on extension citext;
create table c (id int primary key, p int not null, span text,
    constraint c_of_p foreign key (p) references p on delete cascade
        deferrable initially deferred,
    constraint x exclude using gist (id with =) with (fillfactor = 90) where (id > 0));
comment on constraint c_of_p on c is 'a child of p';
comment on constraint x on c is 'none twice';
comment on index x is 'by gist';
alter table c add constraint trusted foreign key (id) references p not valid;
alter table c cluster on c_pkey;
alter table c replica identity using index c_pkey;
create unique index c_nulls on c (span, id) nulls not distinct;
"""
# An index whose function names another one as the application's search_path lets it.
UNQUALIFIED = """
create schema app; alter database {name} set search_path = app, public;
create function app.helper(text) returns text language sql immutable as $$ select lower($1) $$;
create function app.plain(text) returns text language plpgsql immutable as
    $$ begin return helper($1); end $$;
create table p (id int primary key, a text check (app.plain(a) <> ''), b int, slug text);
create index p_plain on p (app.plain(a));
create function app.fill() returns trigger language plpgsql as
    $$ begin new.slug := plain(new.a); return new; end $$;
create trigger fill before insert on p for each row execute function app.fill();
create table c (id int primary key, p int references p, span text)
"""


def shape(url):
    """Return everything pg_dump has to say of the tables."""
    found = subprocess.run(
        [programs.find(150000) / "pg_dump", "--schema-only", "--schema=public"],
        env=programs.environment(url), capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = found.stdout.splitlines()
    return [line for line in said if not line.startswith(("--", "\\"))]


def test_everything_that_hangs_on_keys_and_indexes_is_put_back(server, tmp_path):
    """Comments, statistics targets, options, replica identity, clustering, dependencies."""
    small = Small(server, tmp_path).holds(SOURCE, RICH, MAPPING)
    before = shape(small.urls[1])
    plan = small.plan()

    load.load(plan, *small.urls, mode="bulk")

    assert shape(small.urls[1]) == before
    assert verify(plan, *small.urls).reasons() == []


def test_functions_find_their_names_as_the_role_would(server, tmp_path):
    """Those of indexes, checks and triggers were written for the application's search_path."""
    small = Small(server, tmp_path).holds(SOURCE, "select 1", MAPPING)
    ask(small.urls[1], UNQUALIFIED.format(name=small.names[1]))
    before = shape(small.urls[1])

    load.load(small.plan(), *small.urls, mode="bulk")

    assert shape(small.urls[1]) == before
    assert ask(small.urls[1], "select count(*) from p where slug = lower(a)") == [(50,)]


def test_a_key_that_cannot_be_put_back_leaves_the_others_there(server, tmp_path):
    """No table is left without its primary key because of another; the next attempt goes on."""
    small = Small(server, tmp_path).holds(SOURCE, RICH, MAPPING)
    before = shape(small.urls[1])
    ask(
        small.urls[1],
        "create function wrong(int) returns int language plpgsql immutable as "
        "$$ begin if $1 > 40 then raise 'no'; end if; return $1; end $$;"
        "create index p_wrong on p (wrong(b))",
    )
    ask(small.urls[0], "update p set b = 41 where id = 50")
    plan = small.plan()
    with pytest.raises(CatalogChanged, match="p_wrong"):
        load.load(plan, *small.urls, mode="bulk", preflighted=True)
    assert shape(small.urls[1]) != before
    left = "select count(*) from pg_index where indrelid = any(array['p', 'c']::regclass[])"
    built = ask(small.urls[1], left)
    ask(small.urls[0], "update p set b = 4 where id = 50")

    load.load(small.plan(), *small.urls, mode="bulk")

    assert ask(small.urls[1], left) == [(built[0][0] + 1,)]
    ask(small.urls[1], "drop index p_wrong; drop function wrong")
    assert shape(small.urls[1]) == before


def test_indexes_and_keys_of_partitions_stay_as_they_were(server, tmp_path):
    """Each partition has its own beneath those of its table, with names and comments."""
    small = Small(server, tmp_path).holds(
        SOURCE,
        "create table p (id int, a text, b int, primary key (id)) partition by range (id);"
        "create table p_few partition of p for values from (0) to (10);"
        "create table p_many partition of p default partition by hash (id);"
        "create table p_rest partition of p_many for values with (modulus 1, remainder 0);"
        "create index on p (a); create unique index u on p (id, a); create index own on p_few (b);"
        "comment on index p_few_a_idx is 'kept'; alter index p_rest_a_idx rename to odd;"
        "create table c (id int primary key, p int references p, span text)",
        MAPPING,
    )
    before = shape(small.urls[1])
    valid = "select bool_and(indisvalid) from pg_index"
    keys = "select bool_and(convalidated) from pg_constraint"

    assert small.load(mode="bulk").reasons() == []

    assert shape(small.urls[1]) == before
    assert [small.there(valid), small.there(keys)] == [[(True,)], [(True,)]]


@pytest.mark.parametrize("binds", ["", "on delete cascade", "on delete restrict"])
def test_a_parent_followed_later_keeps_its_children(server, tmp_path, binds):
    """Its rows are exchanged under keys that would refuse that, or take children along."""
    destination = (
        "create table p (id int primary key, a text, b int); create table c (id int primary key, "
        f"p int constraint bound references p {binds}, span text); "
        "comment on constraint bound on c is 'stays'"
    )
    small = Small(server, tmp_path).holds(SOURCE, destination, MAPPING)
    before = shape(small.urls[1])
    plan = small.plan()
    load.load(plan, *small.urls)
    ask(small.urls[0], "update p set a = 'later' where id = 3; delete from c where id = 4")

    catch_up(plan, *small.urls, bound_seconds=60)

    assert verify(plan, *small.urls).reasons() == []
    assert ask(small.urls[1], "select count(*) from c") == [(19,)]
    assert shape(small.urls[1]) == before


def test_another_mapping_takes_over_where_keys_are_down(server, tmp_path):
    """A mapping is mended after a load stopped half way: its keys come back with its rows' end."""

    def stop(_):
        raise KeyboardInterrupt

    small = Small(server, tmp_path).holds(SOURCE, RICH, MAPPING)
    before = shape(small.urls[1])
    with pytest.raises(KeyboardInterrupt):
        load.load(small.plan(), *small.urls, mode="bulk", on_chunk=stop)
    small.path.write_text(MAPPING.replace("copy: [id, p, span]", "copy: [id, p], drop: {span: x}"))
    mended = small.plan()

    load.load(mended, *small.urls, mode="bulk", supersede=True)

    assert shape(small.urls[1]) == before
    assert verify(mended, *small.urls).reasons() == []

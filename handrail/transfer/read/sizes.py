"""How large the tables of a source are: many small ones are read in one go."""

from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

SMALL_BYTES = 256 * 1024
SIZES = """
select n, (select coalesce(sum(pg_table_size(r.oid)), 0)::bigint from
           (select relid from pg_partition_tree(n::regclass) union select n::regclass) r(oid))
from unnest(%s::text[]) n
"""


def small_tables(plan: Plan, source: Connection) -> dict[str, int]:
    """Return the tables of a plan whose source is small, with the bytes that it takes on disk."""
    origins = sorted({table.origin for table in plan.tables})
    sizes: dict[str, int] = dict(source.execute(SIZES, [origins]).fetchall())
    found = {table.name: sizes[table.origin] for table in plan.tables}
    return {name: size for name, size in found.items() if size <= SMALL_BYTES}

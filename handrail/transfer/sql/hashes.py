"""What rows come to: sums of hashes that do not depend on an order."""

# settings of a session of the source
SUMS = "cutover.sums"
PLACES = "cutover.places"
HASHES_RECORDS = 14  # hash_record_extended came with this version
# Of the hashes of numbers this one mixes all 64 bits; as a float a number keeps 53.
AGAIN = "hashfloat8extended(hash_record_extended({row}, 0)::float8, 0)"


def hashes_text(*server_versions: int) -> bool:
    """Say whether servers of these versions agree only on the hashes of texts."""
    majors = {version // 10000 for version in server_versions}
    return len(majors) > 1 or min(majors) < HASHES_RECORDS


def hash_sum(row: str, *, text: bool, only: str = "true") -> str:
    """Return the order-free sum over the hashes of rows, as text: some 54 bits against accidents.

    PostgreSQL makes the hash of a record by sums of its columns' hashes, so that two rows which
    exchange the values of a column come to the same: it is hashed once more.

    Args:
        row: Expression of a row.
        text: Hash the row's text, as servers of different major versions must.
        only: Condition of the rows that count.
    """
    each = f"hashtextextended(({row})::text, 0)" if text else AGAIN.format(row=row)
    return f"coalesce(sum({each}) filter (where {only}), 0)::text"

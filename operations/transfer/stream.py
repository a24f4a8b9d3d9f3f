"""Rows from one database into another through COPY, without touching them."""

from collections.abc import Iterable, Iterator

from operations.transfer.session import Connection

# psycopg hands out one message per row; sending them on in larger pieces halves the client's work.
PIECE_BYTES = 256 * 1024


def coalesced(messages: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Join small messages into pieces of about `PIECE_BYTES`."""
    waiting: list[bytes | bytearray | memoryview] = []
    size = 0
    for message in messages:
        waiting.append(message)
        size += len(message)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def copy_rows(
    source: Connection, destination: Connection, query: str, target: str, *, form: str = "binary"
) -> int:
    """Stream a query's rows into a table; return the bytes moved.

    Args:
        source: Session on the source.
        destination: Session on the destination, inside a transaction of the caller.
        query: SELECT whose column types are exactly those of the target.
        target: Table with its column list, quoted.
        form: COPY format, `binary` or `text`.
    """
    moved = 0
    with (
        source.cursor() as reader,
        destination.cursor() as writer,
        reader.copy(f"copy ({query}) to stdout (format {form})") as rows,
        writer.copy(f"copy {target} from stdin (format {form})") as table,
    ):
        for piece in coalesced(rows):
            table.write(piece)
            moved += len(piece)
    return moved

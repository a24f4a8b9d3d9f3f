"""Rows from one database into another through COPY, without touching them."""

from handrail.transfer.session.connection import Connection


def copy_rows(
    source: Connection, destination: Connection, query: str, target: str, *, form: str = "binary"
) -> None:
    """Stream a query's rows into a table.

    Args:
        source: Session on the source, inside one repeatable transaction.
        destination: Session on the destination, inside a transaction of the caller.
        query: SELECT whose column types are exactly those of the target.
        target: Table with its column list, quoted.
        form: COPY format, `binary` or `text`.
    """
    with (
        destination.cursor() as writer,
        writer.copy(f"copy {target} from stdin (format {form})") as table,
    ):
        for piece in source.pieces(query, f"(format {form})"):
            table.write(piece)

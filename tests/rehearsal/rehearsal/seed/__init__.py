"""Fill a legacy database with rows as the real one holds them, the ugly ones included."""

from pathlib import Path

import psycopg
from psycopg import sql

from rehearsal.errors import WorldError
from rehearsal.seed import accounts, people, records, traffic
from rehearsal.seed.book import Book
from rehearsal.seed.passwords import CANARIES

DEFAULT_ROWS = 3000
LEAST_ROWS = 200
LAZY_MARK = "-- lazily created:"

# Builders in the order their foreign keys ask for; each yields its rows in column order.
BUILDERS = (
    people.cadets,
    people.training_staff,
    accounts.users,
    accounts.user_settings,
    people.grades,
    records.training_days,
    records.attendance_records,
    records.staff_attendance_records,
    records.excuse_letters,
    records.merit_demerit_logs,
    records.activities,
    records.activity_images,
    traffic.admin_messages,
    traffic.staff_messages,
    traffic.notifications,
    traffic.push_subscriptions,
    traffic.system_settings,
    traffic.audit_logs,
    traffic.sync_events,
)
TABLES = tuple(build.__name__ for build in BUILDERS)

# Share of the rows, and the fewest rows that hold every odd form of the table.
SIZES = {
    "cadets": (0.08, 14),
    "training_staff": (0.02, 9),
    "users": (0.10, 20),
    "user_settings": (0.08, 8),
    "grades": (0.08, 8),
    "training_days": (0.01, 8),
    "attendance_records": (0.26, 20),
    "staff_attendance_records": (0.04, 9),
    "excuse_letters": (0.03, 6),
    "merit_demerit_logs": (0.08, 15),
    "activities": (0.01, 4),
    "activity_images": (0.03, 6),
    "admin_messages": (0.02, 12),
    "staff_messages": (0.02, 8),
    "notifications": (0.07, 14),
    "push_subscriptions": (0.02, 5),
    "audit_logs": (0.04, 12),
    "sync_events": (0.03, 12),
}
# An import long ago gave the ids itself and never told the sequences.
SEQUENCES_BEHIND = ("training_days", "merit_demerit_logs", "activities")


def schema(*, lazy_extras: bool = True) -> str:
    """Return the DDL of the legacy database, with or without what routes create later."""
    ddl = Path(__file__).with_name("legacy.sql").read_text(encoding="utf-8")
    return ddl if lazy_extras else ddl.partition(LAZY_MARK)[0]


def row_counts(rows: int) -> dict[str, int]:
    """Return how many rows each table gets for about ``rows`` rows altogether.

    Raises:
        WorldError: so few rows cannot hold every kind of row.
    """
    if rows < LEAST_ROWS:
        raise WorldError(
            f"the legacy database cannot be filled with {rows} rows",
            "every kind of row the real one holds must occur",
            f"ask for at least {LEAST_ROWS} rows",
        )
    counts = {name: max(least, round(rows * share)) for name, (share, least) in SIZES.items()}
    counts["system_settings"] = len(traffic.SETTINGS)
    return counts


def fill(url: str, rows: int, filehost: str, *, lazy_extras: bool = True) -> list[dict[str, str]]:
    """Create the legacy schema in an empty database and fill it; the same way each time.

    Args:
        url: Connection URL of the empty database.
        rows: About how many rows over all tables; at least 200.
        filehost: Base URL that uploaded files are referred to, without a trailing slash.
        lazy_extras: Whether the table and the column that routes create later are there.

    Returns:
        Accounts whose password is known: ``username``, ``password`` and ``role``.

    Raises:
        WorldError: so few rows cannot hold every kind of row.
        psycopg.Error: the database is not empty, or did not answer.
    """
    book = Book(row_counts(rows), filehost)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        base, _, lazy = schema().partition(LAZY_MARK)
        cursor.execute(base)
        for table, build in zip(TABLES, BUILDERS, strict=True):
            statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            with cursor.copy(statement) as copy:
                for row in build(book, book.draw(table)):
                    copy.write_row(row)
            if table in book.ids:
                _set_sequence(cursor, table, book.ids[table][-1])
        if lazy_extras:
            cursor.execute(LAZY_MARK + lazy)
            cursor.execute("UPDATE training_staff SET qr_code_data = 'ROTC-STAFF-' || id")
            cursor.execute(
                "INSERT INTO staff_audit (staff_id, action, details, created_at)"
                " SELECT id, 'qr.issued', rank, created_at FROM training_staff ORDER BY id LIMIT 5"
            )
    return [
        {"username": canary.username, "password": canary.password, "role": canary.role}
        for canary in CANARIES
    ]


def _set_sequence(cursor: psycopg.Cursor, table: str, highest: int) -> None:
    last = highest // 2 if table in SEQUENCES_BEHIND else highest
    cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", (table, last))

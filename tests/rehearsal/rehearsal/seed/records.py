"""What happens on and around training days: attendance, excuses, merits, activities."""

from collections.abc import Iterator

from rehearsal.seed.book import Book, Row
from rehearsal.seed.draw import Draw
from rehearsal.seed.forms import (
    ACTIVITY_DATES,
    LONG_TEXT,
    OVER_255,
    TEXTS,
    TIMES,
    TRAINING_DATES,
)

STATUSES = ("present", "present", "present", "absent", "late", "excused")
EXCUSES = ("pending", "approved", "rejected")
NO_SUCH_ID = 2_000_000_000


def training_days(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the training days; each form of date names a day."""
    for row, identity in book.number("training_days", draw):
        yield (
            identity,
            draw.odd("date", row, TRAINING_DATES, draw.day(), share=0.2),
            draw.odd("title", row, (OVER_255,), f"Training day {identity}"),
            draw.odd("description", row, (None, "", TEXTS[0]), "Drill and ceremonies"),
        )


def _attendance(book: Book, draw: Draw, table: str, people: str) -> Iterator[Row]:
    days, persons = book.ids["training_days"], book.ids[people]
    pairs = sorted(draw.random.sample(range(len(days) * len(persons)), book.counts[table]))
    for row, identity in book.number(table, draw):
        day, person = divmod(pairs[row], len(persons))
        yield (
            identity,
            days[day],
            persons[person],
            draw.odd("status", row, STATUSES[2:], draw.choice(STATUSES)),
            draw.odd("remarks", row, (*TEXTS[:6], None), None),
            draw.odd("time_in", row, TIMES, f"0{draw.number(6, 9)}:{draw.number(10, 59)}"),
            draw.odd("time_out", row, TIMES, f"{draw.number(15, 18)}:{draw.number(10, 59)}"),
        )


def attendance_records(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield who of the cadets came when; one record for a day and a cadet."""
    return _attendance(book, draw, "attendance_records", "cadets")


def staff_attendance_records(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield who of the staff came when; one record for a day and a person."""
    return _attendance(book, draw, "staff_attendance_records", "training_staff")


def excuse_letters(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the excuse letters, some of cadets long deleted: no foreign key held them."""
    for row, identity in book.number("excuse_letters", draw):
        yield (
            identity,
            draw.odd("cadet_id", row, (None, NO_SUCH_ID), draw.choice(book.ids["cadets"])),
            draw.odd("date_absent", row, (None,), draw.day()),
            draw.odd("reason", row, (None, *TEXTS[:3]), "Fever"),
            draw.file_reference("file_url", row),
            draw.odd("status", row, (None,), draw.choice(EXCUSES)),
            draw.odd("created_at", row, (None,), draw.moment()),
        )


def merit_demerit_logs(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield merits and demerits; the cadet, the issuer and the reason may be missing."""
    for row, identity in book.number("merit_demerit_logs", draw):
        yield (
            identity,
            draw.odd("cadet_id", row, (None,), draw.choice(book.ids["cadets"]), share=0.01),
            draw.choice(("merit", "demerit")),
            draw.odd("points", row, (0, -3), draw.number(1, 10)),
            draw.odd("reason", row, (None, *TEXTS), "Exemplary conduct", share=0.05),
            draw.odd("date_recorded", row, (None,), draw.moment()),
            draw.odd("issued_by_user_id", row, (None,), draw.choice(book.ids["users"])),
            draw.odd("issued_by_name", row, (None, OVER_255), "Commandant", share=0.01),
        )


def activities(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the activities; every one gets images, those without a usable date included."""
    for row, identity in book.number("activities", draw):
        yield (
            identity,
            draw.odd("title", row, (OVER_255,), f"Activity {identity}"),
            draw.odd("description", row, (None, LONG_TEXT), "Community service"),
            draw.odd("date", row, ACTIVITY_DATES, draw.day(), share=0.1),
            draw.file_reference("image_path", row),
            draw.file_list(row),
            draw.odd("type", row, (None, "announcement"), "activity"),
        )


def activity_images(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the images of the activities in turn, so that each activity has some."""
    parents = book.ids["activities"]
    for row, identity in book.number("activity_images", draw):
        parent = parents[row % len(parents)]
        path = draw.file_reference("image_path", row) or f"/uploads/activity-{identity}.png"
        # Only past the first round does an image lack its parent: no activity is left without.
        orphan = row == len(parents) or (row > len(parents) and draw.chance(0.03))
        yield (
            identity,
            None if orphan else parent,
            path,
            draw.odd("created_at", row, (None,), draw.moment()),
        )

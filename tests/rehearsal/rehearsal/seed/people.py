"""Cadets, training staff and the grades of the cadets."""

import unicodedata
from collections.abc import Iterator

from rehearsal.seed.book import Book, Row
from rehearsal.seed.draw import Draw
from rehearsal.seed.forms import (
    BIRTHDATES,
    FIRST_NAMES,
    LAST_NAMES,
    NEAR_MISSES,
    OVER_20,
    OVER_50,
    OVER_255,
    TEXTS,
    TRUTHS,
    YEAR_LEVELS,
)

GENDERS = ("Male", "Female", None)


def _name(draw: Draw, column: str, row: int, names: tuple[str, ...]) -> str:
    odd = (
        "\U0001f396 Sunny",
        unicodedata.normalize("NFD", "Jos\u00e9"),
        "\u0623\u062d\u0645\u062f",
        "D'Angelo",
        OVER_255,
    )
    return draw.odd(column, row, odd, draw.choice(names), share=0.01)


def cadets(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the cadets."""
    for row, identity in book.number("cadets", draw):
        yield (
            identity,
            draw.choice(("Cdt", "Cdt Sgt", "Cdt 2Lt", None)),
            _name(draw, "first_name", row, FIRST_NAMES),
            draw.odd("middle_name", row, (None, ""), draw.choice(LAST_NAMES)),
            _name(draw, "last_name", row, LAST_NAMES),
            draw.odd("suffix_name", row, ("Jr.", "III", OVER_50), None),
            draw.odd("email", row, (None, "", "not an address"), f"cadet{identity}@rotc.example"),
            draw.odd("contact_number", row, (OVER_50, "", None), f"0917{identity:07d}"),
            draw.odd("address", row, TEXTS, f"{identity} Rizal Street, Manila", share=0.01),
            draw.odd("course", row, (OVER_255, None), draw.choice(("BSIT", "BSCrim", "BSEd"))),
            draw.odd("year_level", row, YEAR_LEVELS, draw.choice(("1st Year", "2nd Year", "2"))),
            draw.choice(("2024-2025", "2025-2026", None)),
            "1st Battalion",
            draw.odd("company", row, (OVER_50, ""), draw.choice(("Alpha", "Bravo", "Charlie"))),
            draw.choice(("1st", "2nd", None)),
            draw.choice(("MS-1", "MS-2", "MS-31", None)),
            draw.choice(("1st", "2nd", None)),
            draw.odd("corp_position", row, ("S1", "Corps Commander"), None),
            draw.odd("gender", row, (OVER_20,), draw.choice(GENDERS)),
            draw.odd("status", row, (None, "Dropped", OVER_50), "Ongoing"),
            draw.odd("student_id", row, (OVER_50,), f"2025-{identity:06d}", share=0),
            draw.file_reference("profile_pic", row),
            draw.odd("is_profile_completed", row, TRUTHS, usual=True),
            draw.odd("is_archived", row, TRUTHS, usual=False),
            draw.odd("has_seen_guide", row, TRUTHS, usual=True),
            draw.odd("created_at", row, (None, "2023-12-31 23:59:59.999999"), draw.moment()),
            draw.odd("birthdate", row, (None, "2004-02-29"), f"2005-0{draw.number(1, 9)}-17"),
        )


def training_staff(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the training staff; e-mails are unique to PostgreSQL, but not to a reader."""
    odd_emails = (None, "", *(address.replace("box", "staff") for address in NEAR_MISSES))
    for row, identity in book.number("training_staff", draw):
        yield (
            identity,
            draw.choice(("Sgt", "SSg", "2LT", "CPT")),
            _name(draw, "first_name", row, FIRST_NAMES),
            None,
            _name(draw, "last_name", row, LAST_NAMES),
            draw.odd("suffix_name", row, (OVER_50,), None),
            draw.odd("email", row, odd_emails, f"staff{identity}@rotc.example", share=0),
            draw.odd("contact_number", row, (OVER_50,), f"0918{identity:07d}"),
            draw.odd("role", row, (None, OVER_255), "Instructor"),
            draw.file_reference("profile_pic", row),
            draw.odd("afpsn", row, (OVER_50,), f"8{identity:05d}"),
            draw.odd("birthdate", row, BIRTHDATES, f"198{draw.number(0, 9)}-06-12"),
            "Manila",
            draw.odd("age", row, (None, 0), draw.number(25, 55)),
            draw.odd("height", row, ("5'7\"", OVER_50), "170 cm"),
            "70 kg",
            draw.odd("blood_type", row, ("unknown, ask the clinic",), draw.choice(("O+", "A-"))),
            draw.odd("address", row, TEXTS[:6], f"{identity} Bonifacio Street"),
            draw.choice(("Single", "Married")),
            "Filipino",
            draw.choice(GENDERS),
            "Filipino, English",
            draw.odd("combat_boots_size", row, (OVER_20,), "9"),
            draw.odd("uniform_size", row, (OVER_20,), "M"),
            "7",
            None,
            "NCR RCDG",
            None,
            draw.odd("is_profile_completed", row, TRUTHS, usual=True),
            draw.odd("has_seen_guide", row, TRUTHS, usual=False),
            draw.odd("created_at", row, (None,), draw.moment()),
            draw.odd("is_archived", row, TRUTHS, usual=False),
        )


def grades(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield one grade for each of most cadets."""
    cadets_by_row = book.ids["cadets"]
    for row, identity in book.number("grades", draw):
        yield (
            identity,
            cadets_by_row[row],
            draw.odd("attendance_present", row, (None, 0), draw.number(0, 15)),
            draw.odd("merit_points", row, (None, -5), draw.number(0, 30)),
            draw.odd("demerit_points", row, (None,), draw.number(0, 30)),
            draw.odd("prelim_score", row, (None, 0, 100), draw.number(60, 99)),
            draw.odd("midterm_score", row, (None, 2_147_483_647), draw.number(60, 99)),
            draw.odd("final_score", row, (None,), draw.number(60, 99)),
            draw.odd("status", row, (None, "DO", "INC"), "active"),
            draw.number(0, 200),
        )

"""The accounts people log in with, and their settings."""

from collections.abc import Iterator
from typing import NamedTuple

from rehearsal.seed.book import Book, Row
from rehearsal.seed.draw import Draw
from rehearsal.seed.forms import EMAIL_OVER_254, NEAR_MISSES, OVER_50, TRUTHS
from rehearsal.seed.passwords import (
    CANARIES,
    PLAINTEXT,
    TRUNCATED,
    hash_of_unknown_password,
)

ODD_EMAILS = (None, "", "   ", *NEAR_MISSES, EMAIL_OVER_254, "\U0001f396@rotc.example")
ODD_NAMES = ("x" * 300, "Jose\u0301 blank ", "\u0623\u062d\u0645\u062f")


class _Account(NamedTuple):
    username: str
    role: str
    cadet: int | None = None
    staff: int | None = None
    stored: str | None = None


def _accounts(book: Book) -> Iterator[_Account]:
    """Yield the canaries first, then the admins, then an account for everybody else."""
    cadets, staff = iter(book.ids["cadets"]), iter(book.ids["training_staff"])
    for canary in CANARIES:
        yield _Account(
            canary.username,
            canary.role,
            next(cadets) if canary.role == "cadet" else None,
            next(staff) if canary.role == "training_staff" else None,
            canary.stored,
        )
    yield _Account("admin", "admin")
    yield _Account("commandant", "admin")
    for person in staff:
        yield _Account(f"staff{person}", "training_staff", staff=person)
    for person in cadets:
        yield _Account(f"cadet{person}", "cadet", cadet=person)


def users(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the accounts; those of the canaries hold nothing odd that could stop a login."""
    draw.count -= len(CANARIES)  # the odd forms are dealt among the rows that follow them
    # There are more people than accounts: some cadets never asked for one.
    numbered = zip(book.number("users", draw), _accounts(book), strict=False)
    for (row, identity), account in numbered:
        name, password = account.username, account.stored
        email: str | None = f"{name}@rotc.example"
        cadet = account.cadet
        approved: int | None = 1
        archived: bool | None = False
        if password is None:
            email = draw.odd("email", row, ODD_EMAILS, email)
            name = draw.odd("username", row, ODD_NAMES, name, share=0)
            unknown = hash_of_unknown_password(draw.random)
            password = draw.odd("password", row, (PLAINTEXT, TRUNCATED), unknown, share=0)
            cadet = draw.odd("cadet_id", row, (None,), cadet)
            approved = draw.odd("is_approved", row, (0, 1, None), approved)
            archived = draw.odd("is_archived", row, (True, None), archived)
        located = draw.chance(0.3)
        yield (
            identity,
            name,
            password,
            account.role,
            cadet,
            account.staff,
            approved,
            email,
            draw.file_reference("profile_pic", row),
            draw.choice(("Male", "Female", None)),
            archived,
            14.599512345678901 + draw.random.random() if located else None,
            120.98422 + draw.random.random() if located else None,
            draw.moment() if located else None,
            draw.odd("last_seen", row, (None,), draw.moment()),
            draw.odd("created_at", row, (None, "2023-12-31 16:00:00"), draw.moment()),
        )


def user_settings(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the settings of most accounts; the account's id is the key."""
    for row, user in enumerate(book.ids["users"][: book.counts["user_settings"]]):
        yield (
            user,
            draw.odd("email_alerts", row, TRUTHS, usual=True),
            draw.odd("push_notifications", row, TRUTHS, usual=True),
            draw.odd("activity_updates", row, TRUTHS, usual=False),
            draw.odd("dark_mode", row, TRUTHS, usual=False),
            draw.odd("compact_mode", row, TRUTHS, usual=False),
            draw.odd("primary_color", row, (None, f"linear-gradient({OVER_50})"), "blue"),
            draw.file_reference("custom_bg", row),
        )

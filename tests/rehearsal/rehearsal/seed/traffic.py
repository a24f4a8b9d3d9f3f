"""What the server writes while people use it: messages, notifications, logs, settings."""

import json
from collections.abc import Iterator

from rehearsal.seed.book import Book, Row
from rehearsal.seed.draw import Draw
from rehearsal.seed.forms import (
    LONG_TEXT,
    OVER_50,
    OVER_255,
    PAYLOADS,
    PUSH_KEYS_INVALID,
    TEXTS,
    TRUTHS,
)
from rehearsal.seed.records import NO_SUCH_ID

BROADCAST_SHARE = 0.14  # notifications for all admins carry no account
GUEST_SHARE = 0.2
ROLES = ("admin", "cadet", "training_staff", "guest")
KINDS = ("announcement", "grade", "attendance", "message")
SETTINGS: tuple[tuple[str, str | None], ...] = (
    ("maintenance_mode", "off"),
    ("current_battalion", "1st Battalion"),
    ("semester", "2nd Semester"),
    ("school_year", "2025-2026"),
    ("motto", None),
    ("welcome", TEXTS[3]),
    ("geofence", '{"lat": 14.5995, "lng": 120.9842, "radius": 150}'),
    (f"legacy.{OVER_255}", "on"),
)


def admin_messages(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield messages to the admins; those of guests have no account."""
    for row, identity in book.number("admin_messages", draw):
        sender = None if draw.chance(GUEST_SHARE) else draw.choice(book.ids["users"])
        yield (
            identity,
            draw.odd("user_id", row, (None,), sender, share=0),
            draw.choice(ROLES),
            draw.odd("subject", row, (None, OVER_255), "Question about my grade"),
            draw.odd("message", row, (None, *TEXTS[:10], LONG_TEXT), "Good morning, sir."),
            draw.odd("status", row, (None, "escalated to the commandant"), "pending"),
            draw.odd("admin_reply", row, (None, TEXTS[0]), None),
            draw.odd("created_at", row, (None,), draw.moment()),
        )


def staff_messages(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the messages among the staff."""
    for row, identity in book.number("staff_messages", draw):
        yield (
            identity,
            draw.choice(book.ids["training_staff"]),
            draw.odd("content", row, TEXTS[:8], f"Formation at 0{draw.number(5, 9)}00H"),
            draw.odd("created_at", row, (None,), draw.moment()),
        )


def notifications(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the notifications; one in seven goes to all admins and names no account."""
    for row, identity in book.number("notifications", draw):
        reader = None if draw.chance(BROADCAST_SHARE) else draw.choice(book.ids["users"])
        yield (
            identity,
            draw.odd("user_id", row, (None,), reader, share=0),
            draw.odd("message", row, TEXTS, f"Notice {identity}", share=0.01),
            draw.odd("type", row, (OVER_50,), draw.choice(KINDS), share=0.01),
            draw.odd("is_read", row, TRUTHS, usual=False),
            draw.odd("created_at", row, (None,), draw.moment()),
        )


def push_subscriptions(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the browsers that asked for push messages; no foreign key holds their accounts."""
    for row, identity in book.number("push_subscriptions", draw):
        keys = json.dumps({"p256dh": f"B{draw.number(0, 10**15)}", "auth": f"\U0001f511{identity}"})
        yield (
            identity,
            draw.odd("user_id", row, (None, NO_SUCH_ID), draw.choice(book.ids["users"])),
            f"https://push.example/send/{identity}",
            draw.odd("keys", row, PUSH_KEYS_INVALID, keys, share=0.01),
            draw.odd("created_at", row, (None,), draw.moment()),
        )


def system_settings(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the settings; ids and keys clash with those a Django migration inserts."""
    for row, identity in book.number("system_settings", draw):
        key, value = SETTINGS[row]
        yield identity, key, value


def audit_logs(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the audit log; its payloads hold numbers no double can."""
    for row, identity in book.number("audit_logs", draw):
        usual = json.dumps({"after": {"grade": draw.number(60, 99)}, "row": identity})
        yield (
            identity,
            draw.choice(("cadets", "grades", "users")),
            draw.odd("operation", row, ("TRUNCATE CASCADE", "INSERT"), "UPDATE"),
            draw.odd("record_id", row, (None,), draw.number(1, 500)),
            draw.odd("user_id", row, (None, NO_SUCH_ID), draw.choice(book.ids["users"])),
            draw.odd("payload", row, PAYLOADS, usual, share=0.1),
            draw.odd("created_at", row, (None,), draw.moment()),
        )


def sync_events(book: Book, draw: Draw) -> Iterator[Row]:
    """Yield the events the server works off in the background."""
    for row, identity in book.number("sync_events", draw):
        done = draw.chance(0.8)
        yield (
            identity,
            draw.odd("event_type", row, (OVER_50,), draw.choice(("grade", "attendance"))),
            draw.odd("cadet_id", row, (None,), draw.choice(book.ids["cadets"])),
            draw.odd("payload", row, PAYLOADS, json.dumps({"event": identity}), share=0.1),
            draw.odd("created_at", row, (None,), draw.moment()),
            draw.odd("processed", row, (None,), done),
            draw.moment() if done else None,
        )

"""More steps on plain files: one made from another, and captures and figures of every kind."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from gevent import GreenletExit
from lab.steps import content, effect, file_says, put, record, restore

from handrail.engine import (
    Commands,
    Finding,
    call,
    check,
    fails,
    holds,
    holds_if,
    irreversible,
    step,
)


@check(fix="see both files")
def file_is_a_copy(path: str, source: str) -> Finding:
    """The file says what its source says."""
    stands, wanted = content(path), content(source)
    return holds_if(stands == wanted, f"it says {stands!r}, and its source {wanted!r}")


def copy_over(path: str, source: str) -> None:
    """Copy, noting it first."""
    record(path, "copy")
    put(path, content(source))


@step(captures=content, ensures=file_is_a_copy, rollback=restore, idempotent=True)
def copy(path: str, source: str) -> Commands:
    """Make a file say what another one says."""
    yield call(copy_over, path, source)


@step(captures=content, ensures=file_is_a_copy, rollback=restore)
def copy_once(path: str, source: str) -> Commands:
    """Make a file say what another one says; it is not declared that this may be repeated."""
    yield call(copy_over, path, source)


@step(
    ensures=file_is_a_copy,
    rollback=irreversible(
        "it is part of what it was copied into",
        instead="roll back to before that",
        undone_by="lab.steps.write",
    ),
    idempotent=True,
)
def follow(path: str, source: str) -> Commands:
    """Bring a file up to date with another one."""
    yield call(copy_over, path, source)


def nothing_seen(path: str) -> str:
    """Return the same whatever the file says."""
    return Path(path).name


def clear_away(path: str, before: str) -> None:
    """Take the file away, unless it sticks."""
    record(path, f"clear {before}")
    if not Path(path).with_name("stuck").exists():
        Path(path).unlink(missing_ok=True)


@step(captures=nothing_seen, ensures=file_says, rollback=clear_away)
def write_unseen(path: str, text: str) -> Commands:
    """Make a file say something that its own capture does not see."""
    yield call(effect, path, text)


def nested(levels: int) -> list[object]:
    """Return a list in a list, so many levels deep."""
    found: list[object] = []
    for _ in range(levels):
        found = [found]
    return found


def endless() -> dict[str, object]:
    """Return a dictionary that holds itself, twice."""
    found: dict[str, object] = {}
    found["again"] = [found, found]
    return found


def odd_thing(path: str) -> object:
    """Return what a file names: things that no ledger gives back as they are."""
    stands = content(path)
    things: dict[str | None, object] = {
        "bytes": "caf\udce9",
        "decimal": Decimal("1.10"),
        "time": datetime(2026, 10, 3, tzinfo=UTC),
        "nan": float("nan"),
        "numbered": {1: "one"},
        "huge": 2**60,
        "set": {"a"},
        "deep": nested(3000),
        "round": endless(),
    }
    return things.get(stands, stands)


@step(captures=odd_thing, ensures=file_says, rollback=restore)
def write_odd(path: str, text: str) -> Commands:
    """Make a file say something, where what it captures may be no plain data."""
    yield call(effect, path, text)


@check(fix="see the file")
def file_says_with_figures(path: str, text: str) -> Finding:
    """The file says what it should, and the figures of that are of every kind."""
    if content(path) != text:
        return fails("it says otherwise", price=Decimal("1.10"))
    return holds(price=Decimal("1.10"), at=datetime(2026, 10, 3, tzinfo=UTC), rate=float("nan"),
                 names={"a"}, bad="caf\udce9", round=endless())  # fmt: skip


@step(captures=content, ensures=file_says_with_figures, rollback=restore)
def write_with_figures(path: str, text: str) -> Commands:
    """Make a file say something, and record figures of every kind."""
    yield call(effect, path, text)


def large_content(path: str) -> str:
    """Return what a file says, many times over."""
    return (content(path) or "nothing") * 100_000


def restore_large(path: str, before: str) -> None:
    """Put back what was said many times over."""
    record(path, "restore")
    stood = before[: len(before) // 100_000]
    put(path, None if stood == "nothing" else stood)


@step(captures=large_content, ensures=file_says, rollback=restore_large)
def write_large(path: str, text: str) -> Commands:
    """Make a file say something, with a large snapshot of what it said."""
    yield call(effect, path, text)


@check(fix="see the file")
def file_says_unless_let_go(path: str, text: str) -> Finding:
    """The file says what it should."""
    if Path(path).with_name("let go").exists():
        raise GreenletExit
    return holds_if(content(path) == text, "it says otherwise")


@step(captures=content, ensures=file_says_unless_let_go, rollback=restore)
def write_or_let_go(path: str, text: str) -> Commands:
    """Make a file say something, where the claim may be let go of while it is asked."""
    yield call(effect, path, text)


def put_back_beside(path: str, before: str | None) -> None:
    """Put the file back as it was; what stands there now is kept beside it."""
    record(path, "restore")
    Path(path).with_name("kept").write_text(content(path) or "")
    put(path, before)


@check(fix="see the file")
def file_begins_with(path: str, text: str) -> Finding:
    """The file begins with what was written."""
    stands = content(path) or ""
    return holds_if(stands.startswith(text), f"it says {stands!r}")


@step(captures=content, ensures=file_begins_with, rollback=put_back_beside, keeps_since=True)
def open_book(path: str, text: str) -> Commands:
    """Begin a file that others go on writing."""
    yield call(effect, path, text)

"""Steps that ask somebody else to act: an office takes orders in and does them when it likes.

An order is a file `PATH.order`; the office, played by a test, writes PATH from it later.
"""

import os
import signal
from pathlib import Path

from handrail.engine import Commands, call, irreversible, step

from .steps import content, file_says, record, restore


def order_of(path: str) -> Path:
    """Return where an order lies until the office has done it."""
    return Path(f"{path}.order")


def ask_for(path: str, text: str) -> None:
    """Hand an order in, and die before the answer."""
    record(path, "order")
    order_of(path).write_text(text)
    os.kill(os.getpid(), signal.SIGKILL)


def take_back(path: str, before: str | None) -> None:
    """Take an order back; where a file `hasty` lies there, the office does it at that moment."""
    record(path, f"cancel, {before!r} stood")
    order, hasty = order_of(path), Path(path).with_name("hasty")
    if Path(path).with_name("slippery").exists():
        Path(path).with_name("slippery").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if hasty.exists() and order.exists():
        Path(path).write_text(order.read_text())
    order.unlink(missing_ok=True)


@step(captures=content, ensures=file_says, rollback=restore, cancels=take_back)
def send_for(path: str, text: str) -> Commands:
    """Order a text; it comes when the office has done it."""
    yield call(ask_for, path, text)


@step(
    captures=content,
    ensures=file_says,
    rollback=irreversible("an order that was done stays done", instead="order its opposite"),
    cancels=take_back,
)
def order_for_good(path: str, text: str) -> Commands:
    """Order a text that nobody takes back once it has come."""
    yield call(ask_for, path, text)

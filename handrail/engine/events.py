"""News of a run for those outside: what is recorded goes to them, and stops nothing.

A plug-in is a callable in the entry point group `handrail.events`: it takes each entry of the
ledger, once it is recorded. The channels of an inventory's `notify` are served by the same seam.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import click
import gevent  # type: ignore[import-untyped]  # it has no types of its own
from gevent.queue import Queue  # type: ignore[import-untyped]  # likewise
from pyinfra.context import host

from handrail.clients.errors import ClientError
from handrail.clients.masking import masked
from handrail.clients.secret import Secret
from handrail.engine.attempt.attempt import Attempt
from handrail.ledger.entry import Entry
from handrail.ledger.errors import WrongCommand
from handrail.ledger.views.notices import News, Notice

if TYPE_CHECKING:
    from handrail.clients.channels import Channel

GROUP = "handrail.events"
BEAT_SECONDS = 60.0
FLUSH_SECONDS = 20.0  # the command's end waits so long for what is under way

OnEvent = Callable[[Entry], None]


class Outside:
    """Those who hear of a run, and what is on its way to them."""

    def __init__(self, sends: "list[Channel]", hearts: list[Secret]) -> None:
        self._sends, self._hearts = sends, hearts
        self._plugins: list[tuple[str, OnEvent]] = []
        self._queue: Queue = Queue()
        self._silent: set[str] = set()  # who did not take something; told once

    def attend(self, attempt: Attempt) -> None:
        """Listen to what is recorded."""
        self._plugins = list(self._loaded())
        if not self._plugins and not self._sends and not self._hearts:
            return

        undone = attempt.runs.get(attempt.run.undoes)
        news = News(attempt.environment, undone or attempt.run)

        def hear(entry: Entry) -> None:
            for name, on_event in self._plugins:
                self._queue.put((name, partial(on_event, entry)))
            for notice in news.of(entry, attempt.run, undone or attempt.run):
                self._put(notice)

        attempt.listeners.append(hear)
        gevent.spawn(self._deliver)
        for heart in self._hearts:
            gevent.spawn(self._beat, heart)
            self._queue.put(("heartbeat", partial(_ping, heart)))

    def _loaded(self) -> Iterator[tuple[str, OnEvent]]:
        """Load the plug-ins; one that a missing extra needs is not asked for."""
        for each in entry_points(group=GROUP):
            try:
                yield each.name, each.load()
            except ModuleNotFoundError as missing:
                if not each.extras:
                    self._told(each.name, str(missing))
            except Exception as bug:  # noqa: BLE001  a plug-in of somebody's
                self._told(each.name, f"{type(bug).__name__}: {masked(str(bug))}")

    def _put(self, notice: Notice) -> None:
        for send in self._sends:
            name = type(send).__name__.lower()
            self._queue.put((name, partial(send.send, notice.as_json())))

    def _deliver(self) -> None:
        while True:
            name, act = self._queue.peek()
            self._try(name, act)
            self._queue.get()

    def _beat(self, heart: Secret) -> None:
        while True:
            gevent.sleep(BEAT_SECONDS)
            self._queue.put(("heartbeat", partial(_ping, heart)))

    def _try(self, name: str, act: Callable[[], None]) -> None:
        """Deliver one thing; what cannot be delivered is told, and stops nothing."""
        try:
            act()
        except ClientError as error:
            self._told(name, f"{error.what}: {error.why}")
        except Exception as bug:  # noqa: BLE001  a plug-in of somebody's
            self._told(name, f"{type(bug).__name__}: {masked(str(bug))}")
        else:
            self._silent.discard(name)

    def _told(self, name: str, why: str) -> None:
        if name not in self._silent:
            self._silent.add(name)
            click.echo(f"    news did not reach {name}: {why}", err=True)

    def flush(self) -> None:
        """Wait a little for what is on its way."""
        deadline = time.monotonic() + FLUSH_SECONDS
        while not self._queue.empty() and time.monotonic() < deadline:
            gevent.sleep(0.02)
        if left := self._queue.qsize():
            told = f"{left} pieces of news were not delivered in {FLUSH_SECONDS:g} s"
            click.echo(f"    {told}", err=True)


def _ping(heart: Secret) -> None:
    from handrail.clients.channels import ping  # noqa: PLC0415  as below

    ping(heart)


def outside() -> Outside:
    """Return those whom the inventory's ``notify`` names.

    Raises:
        WrongCommand: it is not of the form that there is.
    """
    given = host.data.get("notify")
    if not given:
        return Outside([], [])
    from handrail.clients.channels import channels  # noqa: PLC0415  HTTP and mail take their time

    try:
        sends, hearts = channels(given)
    except ClientError as error:
        raise WrongCommand(error.what, error.why, error.fix) from None
    return Outside(sends, hearts)

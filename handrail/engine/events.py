"""News of a run for those outside: what is recorded goes to them, and stops nothing.

A plug-in is a callable in the entry point group `handrail.events`: it takes each entry of the
ledger, once it is recorded. The channels of an inventory's `notify` are served by the same seam.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Self

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
from handrail.ledger.views import plain
from handrail.ledger.views.notices import News

if TYPE_CHECKING:
    from handrail.clients.channels import Channel

GROUP = "handrail.events"
BEAT_SECONDS = 60.0
TOLD_SECONDS = 1.0  # it says so where that takes longer
FLUSH_SECONDS = 20.0  # the command's end waits so long for what is under way

OnEvent = Callable[[Entry], None]


@dataclass
class Receiver:
    """Somebody outside, and what is on its way there: one who is slow keeps nobody else waiting.

    Args:
        name: What kind of receiver it is.
        queue: What is on its way; what is being delivered stands first until it is over.
        silent: It did not take the last thing, which was told.
    """

    name: str
    queue: Queue = field(default_factory=Queue)
    silent: bool = False

    def attend(self) -> Self:
        """Deliver from now on what is put."""
        gevent.spawn(self._deliver)
        return self

    def put(self, act: Callable[[], None]) -> None:
        """Let something be delivered, after what was put before it."""
        self.queue.put(act)

    def _deliver(self) -> None:
        while True:
            self._try(self.queue.peek())
            self.queue.get()

    def _try(self, act: Callable[[], None]) -> None:
        """Deliver one thing; what cannot be delivered is told, and stops nothing."""
        try:
            act()
        except ClientError as error:
            self.tell(f"{error.what}: {error.why}")
        except Exception as bug:  # noqa: BLE001  a plug-in of somebody's
            self.tell(f"{type(bug).__name__}: {masked(str(bug))}")
        else:
            self.silent = False

    def tell(self, why: str) -> None:
        """Tell once that it does not hear, until it does."""
        if not self.silent:
            self.silent = True
            click.echo(f"    news did not reach {self.name}: {why}", err=True)


class Outside:
    """Those who hear of a run."""

    def __init__(self, sends: "list[Channel]", hearts: list[Secret]) -> None:
        self._sends, self._hearts = sends, hearts
        self._receivers: list[Receiver] = []

    def attend(self, attempt: Attempt) -> None:
        """Listen to what is recorded."""
        plugins = list(self._loaded())
        if not plugins and not self._sends and not self._hearts:
            return
        undone = attempt.runs.get(attempt.run.undoes)
        news = News(attempt.environment, undone or attempt.run)
        channels = [(self._new(each.name), each) for each in self._sends]

        def hear(entry: Entry) -> None:
            for receiver, on_event in plugins:
                receiver.put(partial(on_event, entry))
            for notice in news.of(entry, attempt.run, undone or attempt.run):
                for receiver, channel in channels:
                    receiver.put(partial(channel.send, notice.as_json()))

        attempt.listeners.append(hear)
        for heart in self._hearts:
            gevent.spawn(_beat, self._new("heartbeat"), heart)

    def _new(self, name: str) -> Receiver:
        self._receivers.append(Receiver(name).attend())
        return self._receivers[-1]

    def _loaded(self) -> Iterator[tuple[Receiver, OnEvent]]:
        """Load the plug-ins; one that a missing extra needs is not asked for."""
        for each in entry_points(group=GROUP):
            try:
                on_event = each.load()
            except ModuleNotFoundError as missing:
                if not each.extras:
                    Receiver(each.name).tell(str(missing))
            except Exception as bug:  # noqa: BLE001  a plug-in of somebody's
                Receiver(each.name).tell(f"{type(bug).__name__}: {masked(str(bug))}")
            else:
                yield self._new(each.name), on_event

    def flush(self) -> None:
        """Wait a little for what is on its way."""
        began, told = time.monotonic(), False
        while (left := self._left()) and time.monotonic() - began < FLUSH_SECONDS:
            if not told and time.monotonic() - began > TOLD_SECONDS:
                click.echo(f"    news is on its way; waiting at most {FLUSH_SECONDS:g} s", err=True)
                told = True
            gevent.sleep(0.02)
        for each in left:
            news = plain.count(each.queue.qsize(), "piece")
            click.echo(f"    {news} of news did not reach {each.name} in time", err=True)

    def _left(self) -> list[Receiver]:
        return [each for each in self._receivers if not each.queue.empty()]


def _beat(receiver: Receiver, heart: Secret) -> None:
    """Say each minute that the run is alive; never twice while one is on its way."""
    while True:
        if receiver.queue.empty():
            receiver.put(partial(_ping, heart))
        gevent.sleep(BEAT_SECONDS)


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

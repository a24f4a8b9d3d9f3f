"""`handrail watch`: a run as it goes on, in a second terminal; it reads, and changes nothing."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable

import click

from handrail.cli.ledger import kept_at, opened, reads
from handrail.cli.out import say, status_of
from handrail.clients.channels import Hook
from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from handrail.ledger.entry import now
from handrail.ledger.errors import RunbookError
from handrail.ledger.measure import known_times
from handrail.ledger.run import Outcome
from handrail.ledger.views.evidence import gather
from handrail.ledger.views.live import Live, live
from handrail.ledger.views.live import as_json as data_of
from handrail.ledger.views.notices import Notice
from handrail.ledger.views.silence import seen_from_outside
from handrail.ledger.views.watched import as_text, summary_line

EVERY_SECONDS = 1.0
CLEAR = "\033[H\033[2J\033[3J"
KEEP_ALIVE_SECONDS = 60.0  # a line at least so often, where nothing can be drawn anew


def looker(ledger: str, run: str) -> Callable[[], Live]:
    """Return what looks at a run anew each time; the newest one where it is not named.

    Args:
        ledger: Where it is kept, as named on the command line.
        run: Its id; empty for the newest.
    """
    kept, held = kept_at(ledger), opened(ledger)

    def look() -> Live:
        runs = held.runs()
        evidence = gather(held, run, runs)
        known = known_times(held.environment, runs, evidence.run, kept)
        return live(runs, evidence, known, held.writer(), now())

    return look


@click.command
@click.argument("run", default="", metavar="[RUN]")
@click.option(
    "--every",
    default=EVERY_SECONDS,
    metavar="SECONDS",
    help="from one look to the next",
    type=click.FloatRange(min=0.1),
)
@click.option("--once", is_flag=True, help="look once")
@click.option("--notify", default="", metavar="REF", help="webhook for news: env:NAME, file:PATH")
@reads
def watch(ledger: str, run: str, every: float, notify: str, *, once: bool, as_json: bool) -> int:
    """Show a run as it goes on, until nobody is at work on it any more.

    The newest run where RUN is left out. At a terminal the screen is drawn anew; elsewhere, and
    with --json, there is a line when something changes, and one a minute. With --notify what
    changes is posted to a webhook, silence too: so watch from another machine.

    Exit status: 0 where the run is proven, 1 else.
    """
    look, screen = looker(ledger, run), Screen(once=once, as_json=as_json)
    hook = Hook(Secret.from_inventory(notify)) if notify else None
    before: Live | None = None
    while True:
        found = screen.found(look)
        if found is not None:
            screen.show(found)
            if hook is not None:
                _post(hook, seen_from_outside(found, before))
            if once or not found.at_work:
                return status_of(found.run.outcome is Outcome.PROVEN)
            before = found
        time.sleep(every)


class Screen:
    """Where a run is shown: drawn anew at a terminal, elsewhere a line when something changes.

    Args:
        once: It is shown once.
        as_json: For programs, a line each time.
    """

    def __init__(self, *, once: bool, as_json: bool) -> None:
        self._once, self._as_json = once, as_json
        self._is_drawn = sys.stdout.isatty() and not as_json
        self._told = ""  # how the run stood when it was last shown
        self._said = 0.0  # when there was a line for it

    def found(self, look: Callable[[], Live]) -> Live | None:
        """Return what there is to show; None where the store is away for a moment."""
        try:
            return look()
        except RunbookError as missed:
            if self._is_whole:
                raise
            say([f"{missed.what}: {missed.why}"])
            return None

    def show(self, found: Live) -> None:
        """Show how a run stands."""
        if self._is_drawn:
            self._draw(found)
        elif self._is_due(found):
            self._said = time.monotonic()
            say(self._lines(found))
        self._told = summary_line(found)
        sys.stdout.flush()

    @property
    def _is_whole(self) -> bool:
        """Tell whether this is the first time, or the only one."""
        return self._once or not self._told

    def _is_due(self, found: Live) -> bool:
        late = time.monotonic() - self._said > KEEP_ALIVE_SECONDS
        return late or summary_line(found) != self._told

    def _draw(self, found: Live) -> None:
        size = shutil.get_terminal_size()
        lines = [line[: size.columns] for line in as_text(found, size.lines - 1)]
        sys.stdout.write(("" if self._once else CLEAR) + "\n".join(lines) + "\n")

    def _lines(self, found: Live) -> list[str]:
        if self._as_json:
            return [json.dumps(data_of(found), ensure_ascii=False)]
        if self._is_whole:
            return list(as_text(found))
        return [f"{found.now:%H:%M:%S}Z  {summary_line(found)}"]


def _post(hook: Hook, news: Iterable[Notice]) -> None:
    """Post news; what does not arrive is told, and ends nothing."""
    for notice in news:
        try:
            hook.send(notice.as_json())
        except ClientError as error:
            click.echo(f"{error.what}: {error.why}", err=True)

"""`handrail watch`: a run as it goes on, in a second terminal; it reads, and changes nothing."""

import json
import shutil
import sys
import time
from collections.abc import Callable

import click

from handrail.cli.ledger import kept_at, opened, reads
from handrail.cli.out import GOOD, NOT_GOOD, say
from handrail.clients.channels import Hook
from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from handrail.ledger.entry import now
from handrail.ledger.errors import RunbookError
from handrail.ledger.measure import known_times
from handrail.ledger.run import Outcome
from handrail.ledger.views import live as lives
from handrail.ledger.views.evidence import gather
from handrail.ledger.views.live import Live, as_text, live, summary_line
from handrail.ledger.views.notices import Notice
from handrail.ledger.views.silence import seen_from_outside

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
        return live(evidence, known, held.writer(), now())

    return look


@click.command
@click.argument("run", default="", metavar="[RUN]")
@click.option("--every", default=EVERY_SECONDS, metavar="SECONDS", help="from one look to the next")
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
    look, told, said = looker(ledger, run), "", 0.0
    hook = Hook(Secret.from_inventory(notify)) if notify else None
    before: Live | None = None
    drawn = sys.stdout.isatty() and not as_json
    while True:
        try:
            found = look()
        except RunbookError as missed:
            if once or not told:
                raise
            say([f"{missed.what}: {missed.why}"])  # the store may be away for a moment
            time.sleep(every)
            continue
        if drawn:
            size = shutil.get_terminal_size()
            lines = [line[: size.columns] for line in as_text(found, size.lines - 1)]
            sys.stdout.write(("" if once else CLEAR) + "\n".join(lines) + "\n")
        elif summary_line(found) != told or time.monotonic() - said > KEEP_ALIVE_SECONDS:
            said = time.monotonic()
            say(_lines(found, as_json=as_json, whole=once or not told))
        for notice in seen_from_outside(found, before) if hook else ():
            _send(hook, notice)
        told, before = summary_line(found), found
        sys.stdout.flush()
        if once or not found.at_work:
            return GOOD if found.run.outcome is Outcome.PROVEN else NOT_GOOD
        time.sleep(every)


def _send(hook: Hook | None, notice: Notice) -> None:
    """Post one piece of news; what does not arrive is told, and ends nothing."""
    try:
        if hook is not None:
            hook.send(notice.as_json())
    except ClientError as error:
        click.echo(f"{error.what}: {error.why}", err=True)


def _lines(found: Live, *, as_json: bool, whole: bool) -> list[str]:
    if as_json:
        return [json.dumps(lives.as_json(found), ensure_ascii=False)]
    return list(as_text(found)) if whole else [f"{found.now:%H:%M:%S}Z  {summary_line(found)}"]

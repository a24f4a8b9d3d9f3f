"""`handrail doctor`: could a cutover start now? Every question at once, and nothing is changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from operator import attrgetter

import click

from handrail.cli.out import Misused, status_of, tell
from handrail.cli.span import seconds
from handrail.clients.ready.claim import Line, Told


@click.command()
@click.argument("inventory", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
@click.option("--system", help="Try the running application instead: this system of its profile.")
@click.option("--profile", help="Its profile, where no INVENTORY names one.")
@click.option("--url", help="Its address, where no INVENTORY names one.")
@click.option("--accounts", help="Known accounts: env:NAME, file:PATH or cmd:COMMAND; likewise.")
@click.option("--channels-url", help="Address of its WebSocket, where that is another.")
@click.option("--frontend-url", help="Address of its page.")
@click.option("--browser", help="Chromium that looks at the page.")
@click.option(
    "--every",
    callback=seconds,
    help="Ask again and again: 30m.",
)
@click.option("--times", default=0, metavar="N", help="With --every: end after so many rounds.")
@click.option("--read-only", is_flag=True, help="Make no record, upload, task or message.")
def doctor(
    inventory: str | None,
    *,
    as_json: bool,
    read_only: bool,
    every: float | None,
    times: int,
    **trial: str | None,
) -> int:
    """Tell whether a cutover could start, with what is wrong and what to do about it.

    Without INVENTORY it looks at this machine alone. With one it reads every secret named there,
    asks each database, Render, Redis, the repository and the webhook of alerts (which gets a trial
    alert), compares clocks, and holds the legacy application against its profile. Nothing is
    changed; how long the way to the databases and back takes is noted beside the environment's
    ledger, for the times that a plan expects.

    With --every it goes on asking, tries every row against the mapping and asks for the drill, too;
    each round is kept in the ledger, and what turns red is told to those whom `notify` names.

    With --system or --profile it tries a running application instead: each entry of the profile,
    and says what differs. It makes a record, an upload, a task and a message, unless --read-only.

    So: `handrail doctor inventory/staging.py --system django`, or without an inventory
    `handrail doctor --profile app.profile.yaml --url https://app.example.org --accounts env:NAME`.

    Exit status: 0 only where every line is good, 1 else, 2 where the command was wrong.
    """
    if every is not None:
        return _again(inventory, every, times)
    if any(trial.values()):
        asked = _of_application(inventory, trial, read_only=read_only)
    else:
        asked = _of_environment(inventory)
    shown = chain(_shown(asked.lines), ["", asked.verdict])
    tell(lambda: list(map(asdict, asked.lines)), shown, as_json=as_json)
    return status_of(asked.is_good)


# psycopg, requests and pyinfra take their time to import; `--help` does not wait for them.


def _again(inventory: str | None, every: float, times: int) -> int:
    from handrail.cli.rounds import keep_asking  # noqa: PLC0415 - as above

    if inventory is None:
        what, why = "nothing was looked at", "`--every` asks an environment, and none is named"
        raise Misused(what, why, "handrail doctor INVENTORY --every 30m")
    return keep_asking(inventory, every, times)


def _of_application(
    inventory: str | None, trial: Mapping[str, str | None], *, read_only: bool
) -> "_Asked":
    from handrail.cli.trial import of_application  # noqa: PLC0415 - as above

    return _Asked(
        of_application(inventory, trial, read_only=read_only),
        "the application looks as its profile says",
        "The application and its profile differ",
    )


def _of_environment(inventory: str | None) -> "_Asked":
    from handrail.cli.examination import of_inventory, of_machine  # noqa: PLC0415 - as above

    bad = "A cutover must not start"
    if not inventory:
        return _Asked(list(of_machine()), "this machine could; name an inventory next", bad)
    return _Asked([*of_machine(), *of_inventory(inventory)], "a cutover could start", bad)


@dataclass(frozen=True)
class _Asked:
    """What was asked, and what it comes to where all of it is good, or where something is not."""

    lines: list[Line]
    good: str
    bad: str

    @property
    def told(self) -> Counter[Told]:
        return Counter(line.told for line in self.lines)

    @property
    def is_good(self) -> bool:
        return set(self.told) <= {Told.GOOD}

    @property
    def verdict(self) -> str:
        told = self.told
        if self.is_good:
            return f"All {told.total()} good: {self.good}."
        some = [f"{told[each]} {each}" for each in (Told.NOT_GOOD, Told.NOT_TOLD) if told[each]]
        return f"Of {told.total()}: {', '.join(some)}. {self.bad}."


def _shown(lines: Iterable[Line]) -> Iterator[str]:
    for about, of_it in groupby(lines, attrgetter("about")):
        yield about
        yield from chain.from_iterable(map(_told, of_it))


def _told(line: Line) -> list[str]:
    said = f"    {line.told:<9} {line.claim}"
    if line.told is Told.GOOD:
        return [f"{said}: {line.found}"]
    return [said, f"              why:  {line.found}", f"              next: {line.fix}"]

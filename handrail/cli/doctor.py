"""`handrail doctor`: could a cutover start now? Every question at once, and nothing is changed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import click

from handrail.cli.out import GOOD, NOT_GOOD, Misused, say, say_json
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
    # psycopg, requests and pyinfra take their time; `--help` does not wait for them
    from handrail.cli.examination import of_inventory, of_machine  # noqa: PLC0415

    if every is not None:
        from handrail.cli.rounds import keep_asking  # noqa: PLC0415 - as above

        if inventory is None:
            what, why = "nothing was looked at", "`--every` asks an environment, and none is named"
            raise Misused(what, why, "handrail doctor INVENTORY --every 30m")
        return keep_asking(inventory, every, times)
    if any(trial.values()):
        from handrail.cli.trial import of_application  # noqa: PLC0415 - as above

        lines = of_application(inventory, trial, read_only=read_only)
        good = "the application looks as its profile says"
        bad = "The application and its profile differ"
    else:
        lines = [*of_machine(), *(of_inventory(inventory) if inventory else ())]
        good = (
            "a cutover could start" if inventory else "this machine could; name an inventory next"
        )
        bad = "A cutover must not start"
    told = Counter(line.told for line in lines)
    if as_json:
        say_json([asdict(line) for line in lines])
    else:
        say(_shown(lines))
        say(["", _verdict(told, good, bad)])
    return GOOD if set(told) <= {Told.GOOD} else NOT_GOOD


def _shown(lines: Iterable[Line]) -> Iterator[str]:
    about = None
    for line in lines:
        if line.about != about:
            about = line.about
            yield about
        good = line.told is Told.GOOD
        yield f"    {line.told:<9} {line.claim}" + (f": {line.found}" if good else "")
        if not good:
            yield f"              why:  {line.found}"
            yield f"              next: {line.fix}"


def _verdict(told: Counter[Told], good: str, bad: str) -> str:
    if set(told) <= {Told.GOOD}:
        return f"All {told.total()} good: {good}."
    some = [f"{told[each]} {each}" for each in (Told.NOT_GOOD, Told.NOT_TOLD) if told[each]]
    return f"Of {told.total()}: {', '.join(some)}. {bad}."

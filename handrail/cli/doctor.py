"""`handrail doctor`: could a cutover start now? Every question at once, and nothing is changed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import click

from handrail.cli.out import GOOD, NOT_GOOD, say, say_json
from handrail.clients.ready.claim import Line, Told


@click.command()
@click.argument("inventory", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
def doctor(inventory: str | None, *, as_json: bool) -> int:
    """Tell whether a cutover could start, with what is wrong and what to do about it.

    Without INVENTORY it looks at this machine alone. With one it reads every secret named there,
    asks each database, Render, Redis, the repository and the webhook of alerts (which gets a trial
    alert), and compares clocks. Nothing is changed.

    Exit status: 0 only where every line is good, 1 else, 2 where the command was wrong.
    """
    # psycopg, requests and pyinfra take their time; `--help` does not wait for them
    from handrail.cli.examination import of_inventory, of_machine  # noqa: PLC0415

    lines = list(of_machine())
    if inventory:
        lines += of_inventory(inventory)
    told = Counter(line.told for line in lines)
    if as_json:
        say_json([asdict(line) for line in lines])
    else:
        say(_shown(lines))
        say(["", _verdict(told, whole=bool(inventory))])
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


def _verdict(told: Counter[Told], *, whole: bool) -> str:
    if set(told) <= {Told.GOOD}:
        ready = "a cutover could start" if whole else "this machine could; name an inventory next"
        return f"All {told.total()} good: {ready}."
    bad = [f"{told[each]} {each}" for each in (Told.NOT_GOOD, Told.NOT_TOLD) if told[each]]
    return f"Of {told.total()}: {', '.join(bad)}. A cutover must not start."

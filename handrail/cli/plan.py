"""`handrail plan`: what a run would do, shown or saved so that it runs as it is."""

import subprocess
import sys
from pathlib import Path

import click

from handrail.cli.command import data_words
from handrail.cli.out import Misused


@click.command
@click.argument("inventory", type=click.Path(path_type=Path))
@click.argument("runbook", type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE", default="", help="save it: `--data plan=FILE` runs it as is")
@click.option("--data", "data", metavar="KEY=VALUE", multiple=True, help="as `pyinfra` takes it")
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def plan(inventory: Path, runbook: Path, out: str, data: tuple[str, ...], *, as_json: bool) -> int:
    """Show what a run of RUNBOOK on INVENTORY would do, and change nothing.

    Saved with --out it holds every call and argument, the digests of code and inventory, and the
    ledger's head; a run with `--data plan=FILE` refuses where any of that moved, and says what.
    """
    for each in (inventory, runbook):
        if not each.is_file():
            what, why = "nothing was planned", f"there is no file `{each}`"
            raise Misused(what, why, "handrail plan inventory/prod.py runbooks/cutover.py")
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    form = ["--json"] if as_json else []
    given = [*data, *([f"freeze={out}"] if out else [])]
    command = [pyinfra, str(inventory), str(runbook), "--dry", *form, *data_words(given)]
    return subprocess.run(command, check=False).returncode

"""The subcommand that makes a project: steps, a runbook, an inventory, tests; it runs at once."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from handrail.cli.out import GOOD, Misused, say
from handrail.ledger.errors import RunbookError

TEMPLATE = "project"  # folder beside this module; each file is named for its place, and `.txt`
NEXT = """
    cd {folder}
    pyinfra inventory/local.py runbooks/publish.py --dry    what would happen, and why
    pyinfra -y inventory/local.py runbooks/publish.py       run it; after a failure, the same again
    handrail status                                         where it stands
    python -m pytest                                        its steps under the laws (`pip install
                                                            "handrail[testing]"` brings pytest)"""


@click.command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def new(folder: Path) -> int:
    """Make a project in DIR, new or empty: two steps, a gate and their tests.

    It runs at once.
    """
    if _is_taken(folder):
        raise Misused(
            f"no project was made in `{folder}`",
            "something is there already",
            "name a folder that is new or empty: `handrail new DIR`",
        )
    try:
        for place, text in contents(files(__package__) / TEMPLATE):
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        why = f"`{error.filename}`: {error.strerror}"
        fix = f"see `ls -ld {folder.parent}`, or name another folder"
        raise RunbookError(f"no project was made in `{folder}`", why, fix) from None
    say([f"A project stands in {folder}. Next:", *NEXT.format(folder=folder).splitlines()])
    return GOOD


def _is_taken(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def contents(template: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield where each file of a template goes, and what it says."""
    for each in sorted(template.iterdir(), key=lambda found: found.name):
        if each.is_dir():
            yield from contents(each, f"{inside}{each.name}/")
        else:
            name = each.name.removesuffix(".txt")
            place = f"{inside}.{name}" if name == "gitignore" else f"{inside}{name}"
            yield place, each.read_text(encoding="utf-8")

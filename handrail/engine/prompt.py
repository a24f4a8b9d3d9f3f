"""What stands between planning and doing: our plan in place of pyinfra's table, then the question.

pyinfra's command line calls its own table, its JSON and its question by their names in one module;
where a runbook of ours is at work these stand in their places.
"""

import json
import select
import sys
from collections.abc import Callable
from pathlib import Path

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import is_json
from handrail.engine.attempt.frozen import save
from handrail.engine.outline.data import as_json
from handrail.engine.outline.line import Line
from handrail.engine.outline.outline import Outline, outline
from handrail.engine.outline.text import is_coloured, screen, width
from handrail.ledger.errors import RunbookError

CLI = "pyinfra_cli.cli"
END_OF_INPUT = "\x04"
ENTER = "Press enter to run this; anything else leaves: "


def stand_in(attempt: Attempt) -> None:
    """Put our plan and our question where pyinfra has its own."""
    cli = sys.modules.get(CLI)
    if cli is None:  # driven by its API
        return
    ours: dict[str, Callable[..., object]] = {
        "print_meta": lambda _: None,
        "print_results": lambda _: None,
        "print_run_json": lambda *_, **__: None,
        "_do_confirm": lambda message: _confirmed(attempt, message),
    }
    vars(cli).update(ours)


def show_plan(attempt: Attempt) -> Outline:
    """Print the plan on stdout, and put the SQL where it was asked for."""
    found = outline(attempt)
    if is_json():
        sys.stdout.write(json.dumps(as_json(found), indent=2, ensure_ascii=False) + "\n")
    else:
        lines = screen(found, width(), coloured=is_coloured())
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    if attempt.choices.sql:
        _write_sql(found, Path(attempt.choices.sql))
    if attempt.choices.freeze:
        sys.stderr.write("\n".join(["", *save(attempt), ""]))
    sys.stdout.flush()
    return found


def _write_sql(found: Outline, path: Path) -> None:
    """Write the SQL of every call that would run some.

    Raises:
        RunbookError: the file cannot be written.
    """
    parts = [part for line in found.lines if line.is_sql for part in _sql_of(line)]
    try:
        path.write_text("".join(parts), encoding="utf-8")
    except OSError as error:
        raise RunbookError(
            f"the SQL was not written to `{path}`",
            str(error.strerror),
            f"see `ls -ld {path.parent}`; or give another file with `--data sql=FILE`",
        ) from None
    sys.stderr.write(f"--> SQL of {len(parts)} calls written to {path}\n")


def _sql_of(line: Line) -> list[str]:
    return [
        f"-- {line.call.task} on {target}: {line.call.name} [{line.call.step}]\n\n{text}\n\n"
        for target, text in line.previews.items()
    ]


def _confirmed(attempt: Attempt, message: str) -> bool:
    """Show the plan and ask; a failed target was told by us, and is asked about by nobody else."""
    if message.startswith("One of more hosts failed"):  # as pyinfra spells it
        return False
    show_plan(attempt)
    wanted = attempt.environment if attempt.guard.guarded else ""
    answer = question(f"Type `{wanted}` to run this; anything else leaves: " if wanted else ENTER)
    if answer == wanted:
        return True
    sys.stderr.write(f"--> `{answer}` is not `{wanted}`: nothing was done.\n" if wanted else
                     "--> Nothing was done.\n")  # fmt: skip
    return False


def question(text: str) -> str:
    """Ask on the terminal and return the answer, while the other targets go on.

    The end of the terminal's input is an answer, too: one that nothing takes for a yes.
    """
    sys.stderr.write(f"\n{text}")
    sys.stderr.flush()
    select.select([sys.stdin], [], [])  # gevent's: the other targets and signals go on
    line = sys.stdin.readline()
    return line.strip() if line else END_OF_INPUT

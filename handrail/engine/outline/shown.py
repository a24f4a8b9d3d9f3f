"""The plan as a command prints it: on stdout, its SQL in a file, what was saved of it told."""

import json
import sys
from pathlib import Path

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import is_json
from handrail.engine.attempt.frozen import save
from handrail.engine.outline.data import as_json
from handrail.engine.outline.line import Line
from handrail.engine.outline.outline import Outline, outline
from handrail.engine.outline.text import is_coloured, screen, size
from handrail.ledger.errors import RunbookError
from handrail.ledger.views import plain


def shown(attempt: Attempt) -> Outline:
    """Print the plan on stdout, and put the SQL where it was asked for.

    What cannot be written is a refusal: of a plan, and of a run that would follow it.
    """
    found = outline(attempt)
    if is_json():
        sys.stdout.write(json.dumps(as_json(found), indent=2, ensure_ascii=False) + "\n")
    else:
        lines = screen(found, *size(), coloured=is_coloured())
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    sys.stdout.flush()
    try:
        if attempt.choices.sql:
            _write_sql(found, Path(attempt.choices.sql))
        if attempt.choices.freeze:
            sys.stderr.write("\n".join(["", *save(attempt), ""]))
    except RunbookError as unwritten:
        attempt.refusal = attempt.refusal or unwritten
        sys.stderr.write(f"\n--> Refused: {unwritten}\n")
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
    sys.stderr.write(f"--> SQL of {plain.count(len(parts), 'call')} written to {path}\n")


def _sql_of(line: Line) -> list[str]:
    return [
        f"-- {line.call.task} on {target}: {line.call.name} [{line.call.step}]\n\n{text}\n\n"
        for target, text in line.previews.items()
    ]

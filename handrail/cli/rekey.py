"""Another key for the secrets of a team's ledger."""

import shlex
from pathlib import Path

import click

from handrail.cli.ledger import kept_at, ledger_option
from handrail.cli.out import GOOD, Misused, say
from handrail.clients.secret import Secret, is_reference
from handrail.ledger.errors import RunbookError
from handrail.ledger.people import os_user


@click.command
@click.argument("key", metavar="KEY")
@ledger_option
def rekey(ledger: str, key: str) -> int:
    """Put the secrets of a team's ledger under another key.

    KEY says where the other one is: `file:PATH`, which is made where there is none, `cmd:COMMAND`
    or `env:NAME`. The key of today is found as ever: beside the ledger's log, or by $LEDGER_KEY.
    Nobody may be at work. All that is sealed is encrypted anew, or nothing is.
    """
    if not is_reference(key):
        what, why = "the key of the ledger's secrets was not changed", "it is written out"
        raise Misused(what, f"{why} instead of named", "write `file:PATH` or `cmd:COMMAND`")
    kept = kept_at(ledger)
    kind, _, path = key.partition(":")
    if kept.server is not None and kind == "file":
        _make(Path(path).expanduser())
    moved = kept.rekey(Secret(key).reveal, os_user())
    if moved is None:
        say(["Its secrets lie under that key already."])
        return GOOD
    own = kept.file.with_suffix(".key").name
    say(
        [
            f"Sealed values of {kept} under the key of `{key}` from now on: {moved};",
            "the former key opens nothing there any more. Each operator holds the new one instead:",
            f"in `state/ledgers/{own}` (mode 0600), or where `ledger_key` or LEDGER_KEY name it.",
            f"    does it open all? LEDGER_KEY={shlex.quote(key)} handrail verify --ledger {kept}",
        ]
    )
    return GOOD


def _make(file: Path) -> None:
    """Make a key where there is none.

    Raises:
        RunbookError: the file cannot be made.
    """
    from handrail.ledger.postgres.vault import make_key  # noqa: PLC0415  it needs a driver

    try:
        make_key(file)
    except OSError as error:
        what = f"no key was made in `{file}`"
        raise RunbookError(what, f"{error.strerror}", f"see `ls -ld {file.parent}`") from None

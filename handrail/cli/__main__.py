"""The `handrail` command: what a ledger holds, whether to trust it, and the report of a run."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

from handrail.ledger.audit import LIMITS, audit
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Outcome, fold
from handrail.ledger.store import SqliteLedger, path_of
from handrail.ledger.views import page, report, show
from handrail.ledger.views.evidence import NoSuchRun, choose, gather

GOOD, NOT_GOOD, USAGE = 0, 1, 2
LEDGERS = Path("state/ledgers")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Misused(RunbookError):
    """The command line does not say what is wanted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status: 0 good, 1 not good, 2 usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        status = command(options)
        sys.stdout.flush()
    except (Misused, NoSuchRun) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return USAGE
    except RunbookError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return NOT_GOOD
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_GOOD
    return status


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--ledger",
        metavar="URL",
        default=os.environ.get("LEDGER_URL", ""),
        help="a path or sqlite:///PATH; else $LEDGER_URL, else the one file in state/ledgers",
    )
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser = argparse.ArgumentParser(
        prog="handrail",
        description="Read, verify and report the ledger of an environment. Writes nothing to it.",
        epilog="exit status: 0 good, 1 not good, 2 usage",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], int], **words: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], **words)  # type: ignore[arg-type]
        sub.set_defaults(command=command)
        return sub

    add("runs", _runs, help="list every run")
    status = add("status", _status, help="tell where a run stands; 0 only where it is proven")
    status.add_argument("run", nargs="?", default="", metavar="RUN", help="the newest if left out")
    shown = add("show", _show, help="tell everything about the tasks of a run")
    shown.add_argument("run", metavar="RUN", help="its id, or `latest`")
    verify = add("verify", _verify, help="check the chain of entries", epilog=LIMITS)
    verify.add_argument("--head", metavar="SHA256", default="", help="a head kept elsewhere")
    export = add("export", _export, help="print entries as JSON, one a line")
    export.add_argument("run", nargs="?", default="", metavar="RUN", help="all if left out")
    told = add("report", _report, help="write the report of a run")
    told.add_argument("run", nargs="?", default="", metavar="RUN", help="the newest if left out")
    told.add_argument("--html", metavar="FILE", default="", help="as one HTML file")
    return parser


def _path(options: argparse.Namespace) -> Path:
    """Return the ledger's file: named, or the only one there is."""
    if options.ledger:
        try:
            return path_of(options.ledger)
        except RunbookError as refusal:
            raise Misused(refusal.what, refusal.why, refusal.fix) from None
    found = sorted(LEDGERS.glob("*.sqlite"))
    if len(found) == 1:
        return found[0]
    several = f"there are {len(found)}: {', '.join(f'`{each}`' for each in found)}"
    raise Misused(
        "no ledger was chosen",
        several if found else f"there is none in `{LEDGERS}` of this directory",
        "name one: `--ledger PATH`, or set LEDGER_URL",
    )


def _open(options: argparse.Namespace) -> SqliteLedger:
    return SqliteLedger(_path(options))


def _say(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _say_json(found: object) -> None:
    _say([json.dumps(found, indent=2, ensure_ascii=False)])


def _runs(options: argparse.Namespace) -> int:
    ledger = _open(options)
    runs = fold(ledger.entries())
    if options.json:
        _say_json(show.runs_as_json(ledger.environment, runs))
    else:
        _say(show.runs_as_text(ledger.environment, runs))
    return GOOD


def _status(options: argparse.Namespace) -> int:
    ledger = _open(options)
    evidence = gather(ledger.environment, ledger.entries(), options.run)
    if options.json:
        _say_json(show.status_as_json(ledger.environment, evidence.run))
    else:
        _say(show.status_as_text(evidence))
    return GOOD if evidence.run.outcome is Outcome.PROVEN else NOT_GOOD


def _show(options: argparse.Namespace) -> int:
    ledger = _open(options)
    evidence = gather(ledger.environment, ledger.entries(), options.run)
    if options.json:
        _say_json(show.run_as_json(evidence))
    else:
        _say(show.run_as_text(evidence))
    return GOOD


def _verify(options: argparse.Namespace) -> int:
    if options.head and not _SHA256.fullmatch(options.head):
        raise Misused(
            "the ledger was not verified",
            f"`{options.head}` is not a head: 64 digits of 0-9 and a-f",
            "give the whole head that an earlier `handrail verify` printed",
        )
    found = audit(_path(options), options.head)
    if options.json:
        _say_json(found.as_json())
    else:
        _say(show.audit_as_text(found))
    return GOOD if found.good else NOT_GOOD


def _export(options: argparse.Namespace) -> int:
    entries = _open(options).entries()
    if options.run:
        run = choose(fold(entries), options.run)
        entries = [entry for entry in entries if entry.run == run.id]
    _say([json.dumps(entry.as_json(), ensure_ascii=False) for entry in entries])
    return GOOD


def _report(options: argparse.Namespace) -> int:
    ledger = _open(options)
    evidence = gather(ledger.environment, ledger.entries(), options.run)
    found = audit(ledger.path)
    if options.html:
        _write(Path(options.html), page.render(evidence, found))
    elif options.json:
        _say_json(show.run_as_json(evidence) | {"verification": found.as_json()})
    else:
        _say(report.render(evidence, found))
    return GOOD if found.good else NOT_GOOD


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunbookError(
            f"the report was not written to `{path}`",
            f"{error.strerror}",
            f"see `ls -ld {path.parent}`; or give another file with `--html`",
        ) from None
    _say([f"Report written to {path}."])


if __name__ == "__main__":
    sys.exit(main())

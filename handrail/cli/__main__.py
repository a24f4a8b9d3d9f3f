"""The `handrail` command: its subcommands by name."""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from handrail.cli.ending import carried_out
from handrail.cli.out import Misused
from handrail.naming import meant

# Each name with the module that holds a click command of that name. A module is imported when its
# command is asked for, so that `status` does not wait for a database driver.
COMMANDS = {
    "runs": "handrail.cli.ledger",
    "status": "handrail.cli.ledger",
    "show": "handrail.cli.ledger",
    "verify": "handrail.cli.ledger",
    "export": "handrail.cli.ledger",
    "report": "handrail.cli.report",
    "document": "handrail.cli.document",
    "archive": "handrail.cli.archive",
    "unarchive": "handrail.cli.archive",
    "seal": "handrail.cli.seal",
    "rekey": "handrail.cli.rekey",
    "approve": "handrail.cli.people",
    "confirm": "handrail.cli.people",
    "plan": "handrail.cli.plan",
    "doctor": "handrail.cli.doctor",
    "mapping": "handrail.cli.mapping",
    "drill": "handrail.cli.drill",
    "watch": "handrail.cli.watch",
    "serve": "handrail.cli.serve",
    "new": "handrail.cli.new",
}
# What is no command here, though it may be looked for: pyinfra carries runbooks out.
PYINFRA_DOES = {
    "run": "pyinfra inventory/prod.py runbooks/cutover.py",
    "rollback": "pyinfra inventory/prod.py runbooks/rollback.py --data run=latest "
    '--data reason="…"',
}
PYINFRA_DOES |= dict.fromkeys(("apply", "resume", "start"), PYINFRA_DOES["run"])
ENDS = "Exit status: 0 good, 1 not good, 2 usage."


class Subcommands(click.Group):
    """The subcommands of `COMMANDS`, in that order."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click asks
        """Return their names."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - as click asks
        cmd_name: str,
    ) -> click.Command | None:
        """Import one; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant, or name the one that may be.

        Raises:
            Misused: it is one that pyinfra carries out.
        """
        if args and args[0] in PYINFRA_DOES:
            what, why = "no runbook was started", "pyinfra carries them out; `handrail` looks on"
            raise Misused(what, why, PYINFRA_DOES[args[0]])
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command `{args[0]}`{meant(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Subcommands, epilog=ENDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="handrail")
def command() -> None:
    """Plan, watch, prove and report what runbooks do; draft and try a mapping.

    A runbook is run, resumed and rolled back by pyinfra: pyinfra INVENTORY RUNBOOK.

    Completion in bash: eval "$(_HANDRAIL_COMPLETE=bash_source handrail)"; zsh and fish likewise.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status: 0 good, 1 not good, 2 usage."""
    return carried_out(command, arguments, "handrail")


if __name__ == "__main__":
    sys.exit(main())

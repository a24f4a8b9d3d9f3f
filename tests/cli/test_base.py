"""The `handrail` command itself: its subcommands, help, completion, version and exit statuses."""

import os
import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from handrail.cli.__main__ import COMMANDS, command


def handrail(*arguments, **environment):
    """Run the command; returns status, output, errors."""
    done = subprocess.run(
        [sys.executable, "-m", "handrail", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_subcommand_is_what_its_table_says(name):
    """The table names modules; each holds a command of that name, with a line of help."""
    context = click.Context(command)
    found = command.get_command(context, name)

    assert found.name == name
    assert found.get_short_help_str()


def test_help_names_every_subcommand_and_the_exit_statuses():
    """It goes to the output, and is no error."""
    status, output, errors = handrail("--help")

    assert (status, errors) == (0, "")
    assert all(f"\n  {name} " in output for name in COMMANDS)
    assert "0 good, 1 not good, 2 usage" in output
    assert handrail("-h")[1] == output


def test_version_is_that_of_the_distribution():
    """As installed."""
    assert handrail("--version")[:2] == (0, f"handrail, version {version('handrail')}\n")


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [("handrail sta", "1", "status"), ("handrail mapping pre", "2", "preflight")],
)
def test_a_shell_completes_subcommands(words, position, offered):
    """What `_HANDRAIL_COMPLETE=bash_source handrail` prints asks for this."""
    asked = {"_HANDRAIL_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": position}

    assert handrail(**asked)[:2] == (0, f"plain,{offered}\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "it names no command"),
        (["staus"], "did you mean `status`?"),
        (["mapping", "preflight", "--jsno", "a", "b", "c"], "--json"),
        (["show"], "RUN"),
        (["mapping"], "it names no command"),
    ],
)
def test_a_command_line_that_is_not_understood_ends_with_2(arguments, told):
    """Said in the form of every refusal, under the line that shows what it takes."""
    status, output, errors = handrail(*arguments)

    lines = errors.splitlines()
    assert (status, output) == (2, "")
    assert lines[0].startswith("usage: handrail")
    assert told in lines[2]
    assert [line.split(":")[0].strip() for line in lines[2:]] == ["why", "next"]
    assert lines[3].endswith("--help")


def test_an_address_in_the_wrong_place_shows_no_password():
    """A refusal repeats what was typed, without the secret in it."""
    status, _, errors = handrail("postgresql://u:hush@127.0.0.1/x")

    assert status == 2
    assert "hush" not in errors
    assert "127.0.0.1/x" in errors

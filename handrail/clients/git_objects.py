"""Run git and take its output, or the error in words."""

from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.git_process import Output, git

Options = str | bytes | dict[str, str]


def must(
    directory: Path, what: str, *arguments: str, ok: tuple[int, ...] = (0,), **options: Options
) -> str:
    """Run git and return its output.

    Args:
        directory: Where to run it.
        what: What could not be done where it fails, for the error.
        arguments: Command and options.
        ok: Exit statuses that are no failure.
        options: `given` and `extra`, as `git_process.git` has them.

    Raises:
        ClientError: it failed; with what git says and the command to see for oneself.
    """
    found = git(directory, *arguments, **options)  # type: ignore[arg-type]  # given, extra
    if found.code not in ok:
        raise failed(directory, what, found, arguments[0])
    return found.text


def must_bytes(directory: Path, what: str, *arguments: str) -> bytes:
    """Run git and return its output as it is, whatever its encoding.

    Raises:
        ClientError: it failed.
    """
    return must(directory, what, *arguments).encode("utf-8", errors="surrogateescape")


def failed(directory: Path, what: str, found: Output, command: str) -> ClientError:
    """Return the error for a git command that exited otherwise than asked."""
    said = found.error or f"git {command} exited with {found.code}"
    if (directory / ".git").exists():
        return ClientError(what, said, f"see `git -C {directory} status`, then the same command")
    again = f"`rm -r {directory}`, which is a copy and is made anew, then the same command again"
    return ClientError(what, said, again)

"""Git as a subprocess that never asks, never hangs and never shows a credential."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handrail.clients import masking
from handrail.clients.errors import ClientError
from handrail.clients.git_credentials import NETWORK, USERINFO, variables, without_credentials

LOCAL_TIMEOUT_SECONDS = 60.0
NETWORK_TIMEOUT_SECONDS = 120.0
MESSAGE_LENGTH = 400
# Hooks and signing may ask on a terminal that nobody watches, so a commit of ours runs neither.
# Rewriting line ends would make a file differ from what was committed.
QUIET = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "commit.gpgSign=false",
    "-c", "core.autocrlf=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "safe.bareRepository=all",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "advice.pushUpdateRejected=false",
)  # fmt: skip
# Set inside a hook or by `git rebase --exec`, these would point every command elsewhere.
FOREIGN = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
    "GIT_NAMESPACE", "GIT_PREFIX", "GIT_CONFIG_PARAMETERS",
)  # fmt: skip

FINDING = {"PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"}
# Plain words, literal paths, and nobody who is asked on a terminal.
SPOKEN = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "SSH_ASKPASS_REQUIRE": "force",
    "GIT_EDITOR": "true",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}


@dataclass(frozen=True)
class Output:
    """What one git command left behind.

    Args:
        code: Exit status.
        text: Standard output.
        error: Standard error, without credentials, on one line.
    """

    code: int
    text: str
    error: str


def environment(extra: Mapping[str, str] | None = None, *, bare: bool = False) -> dict[str, str]:
    """Return the variables git runs with: no terminal, plain words, literal paths.

    Args:
        extra: Further variables.
        bare: Of ours only what finds git and its settings: for a question that is asked before
            anybody knows which variables hold secrets.
    """
    clean = masking.clean_environment()
    kept = {key: value for key, value in clean.items() if _is_kept(key, bare=bare)}
    return {**kept, **SPOKEN, **(extra or {})}


def _is_kept(variable: str, *, bare: bool) -> bool:
    return variable not in FOREIGN and (variable in FINDING or not bare)


def git(
    directory: Path,
    *arguments: str,
    given: str | bytes | None = None,
    extra: Mapping[str, str] | None = None,
    settings: Sequence[tuple[str, str]] = (),
    timeout_seconds: float = LOCAL_TIMEOUT_SECONDS,
    bare: bool = False,
) -> Output:
    """Run git in a directory and return what it said, whatever its exit status.

    Args:
        directory: Where to run it.
        arguments: Command and options; credentials in an address reach git another way, and any
            other secret would show in the process list.
        given: Standard input.
        extra: Further variables.
        settings: Git's own settings by key, for a command that speaks to a remote; they may hold
            secrets.
        timeout_seconds: It is killed with its children afterwards.
        bare: It gets none of our variables but those that find it.

    Raises:
        ClientError: git is not installed, the directory is absent, or time ran out.
    """
    what = f"`git {arguments[0]}` in `{directory}` did not finish"
    content = given.encode() if isinstance(given, str) else given
    added = {**_credentials(directory, arguments, settings), **(extra or {})}
    variables = environment(added, bare=bare)
    process = _started(what, directory, arguments, variables, has_input=content is not None)
    with process:
        try:
            out, err = process.communicate(content, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise ClientError(
                what,
                f"it took longer than {timeout_seconds:g} s and was stopped",
                f"see whether `git -C {directory} {arguments[0]}` asks for something",
            ) from None
        except BaseException:
            _kill(process)
            raise
    said = masking.masked(USERINFO.sub("", err.decode("utf-8", errors="replace")))
    error_text = " ".join(said.split())
    return Output(
        process.returncode,
        out.decode("utf-8", errors="surrogateescape"),
        error_text[-MESSAGE_LENGTH:],
    )


def _started(
    what: str,
    directory: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    has_input: bool,
) -> subprocess.Popen[bytes]:
    """Start git.

    Raises:
        ClientError: it is not installed, or the directory is absent.
    """
    try:
        return subprocess.Popen(
            ["git", *QUIET, *without_credentials(arguments)],
            cwd=directory,
            env=variables,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Without a terminal of its own, ssh and credential helpers cannot ask on ours.
            start_new_session=True,
        )
    except FileNotFoundError:
        raise _absent(what, directory) from None
    except OSError as error:
        why = error.strerror or "it could not be started"
        raise ClientError(what, why, f"see `ls -ld {directory}`") from None


def _absent(what: str, directory: Path) -> ClientError:
    """Return which of the two is not there: the directory, or git."""
    if directory.is_dir():
        return ClientError(what, "git is not installed", "install git 2.31 or newer")
    fix = "correct `path` of the repository in the inventory, or clone it there"
    return ClientError(what, "there is no such directory", fix)


def _credentials(
    directory: Path, arguments: Sequence[str], settings: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Return how git gets the credentials that stand in the addresses it will use."""
    if arguments[0] not in NETWORK or not directory.is_dir():
        return {}
    if any(map(_is_place, arguments[1:])):  # no remote's name
        return variables(arguments, settings)
    return variables([*arguments, *_remote_urls(directory, arguments)], settings)


def _is_place(argument: str) -> bool:
    return argument.startswith("/") or "://" in argument


def _remote_urls(directory: Path, arguments: Sequence[str]) -> list[str]:
    """Return where the remotes are that a command names; where it names none, of all."""
    listed = git(directory, "config", "--null", "--get-regexp", r"^remote\..*\.(push)?url$").text
    remotes = [each.partition("\n")[::2] for each in listed.split("\0")]
    # Two remotes on one host may have credentials of their own.
    used = [url for key, url in remotes if key.split(".", 1)[-1].rpartition(".")[0] in arguments]
    return used or [url for _, url in remotes]


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.communicate()

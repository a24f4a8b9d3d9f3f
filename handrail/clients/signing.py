"""Signatures of people by the SSH keys that they have, made and checked by `ssh-keygen -Y`."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.masking import clean_environment, masked

TIMEOUT_SECONDS = 30.0
MESSAGE_LENGTH = 400


def sign(text: str, key: Path, namespace: str) -> str:
    """Sign a text.

    Args:
        text: What is signed, as it is.
        key: A private key without a passphrase, or a public key whose private half the agent holds.
        namespace: What the signature is good for, e.g. ``handrail-proof``; never another thing.

    Returns:
        The armored signature, from ``-----BEGIN SSH SIGNATURE-----`` on.

    Raises:
        ClientError: there is no such key, it is locked, or ``ssh-keygen`` is not installed.

    Source: ssh-keygen(1), ``-Y sign``
    """
    what = f"nothing was signed with `{key}`"
    fix = f"see whether `ssh-keygen -Y sign -f {key} -n {namespace} FILE` works here"
    if not key.is_file():
        raise ClientError(what, "there is no such file", "make one: `ssh-keygen -t ed25519`")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "text")
        file.write_text(text, encoding="utf-8")
        done = _run(what, "sign", "-f", str(key), "-n", namespace, str(file))
        if done.returncode:
            raise ClientError(what, _said(done), fix)
        return file.with_suffix(".sig").read_text(encoding="ascii")


def signer(text: str, signature: str, signers: Path, namespace: str) -> str:
    """Return who signed a text.

    Args:
        text: What was signed.
        signature: Its armored signature.
        signers: A file of OpenSSH's form for allowed signers: a name and a public key a line.
        namespace: What the signature must be good for.

    Returns:
        The name that the file gives the key.

    Raises:
        ClientError: the text was changed, the signature is for something else, or its key is none
            that the file names.

    Source: ssh-keygen(1), ``-Y find-principals`` and ``-Y verify``, ALLOWED SIGNERS
    """
    what = "a signature was not taken"
    if not signers.is_file():
        fix = "write it: a name and a public key on each line, as in `ssh-keygen(1)`"
        raise ClientError(what, f"there is no file `{signers}` of allowed signers", fix)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "signature")
        file.write_text(signature, encoding="utf-8")
        given = ["-f", str(signers), "-s", str(file)]
        found = _run(what, "find-principals", *given)
        names = found.stdout.decode(errors="replace").splitlines()
        if found.returncode or not names:
            fix = f"let one of those in `{signers}` sign it, or add the key there"
            raise ClientError(what, f"its key is none that `{signers}` names", fix)
        asked = [*given, "-n", namespace, "-I", names[0]]
        done = _run(what, "verify", *asked, given=text.encode())
    if done.returncode:
        why = f"it is not {names[0]}'s for this text as `{namespace}`"
        raise ClientError(what, why, "fetch the text and its signature again; one was changed")
    return names[0]


def _run(what: str, *asked: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Ask ssh-keygen; without a terminal, so that it cannot ask back."""
    command: Sequence[str] = ["ssh-keygen", "-Y", *asked]
    env = clean_environment() | {"SSH_ASKPASS": "false", "SSH_ASKPASS_REQUIRE": "force"}
    try:
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env=env,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError:
        fix = "install OpenSSH's client: `apt-get install openssh-client`"
        raise ClientError(what, "`ssh-keygen` is not installed", fix) from None
    except subprocess.TimeoutExpired:
        why = f"`ssh-keygen` took longer than {TIMEOUT_SECONDS:g} s"
        raise ClientError(what, why, "see whether its agent answers: `ssh-add -l`") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return masked(" ".join(done.stderr.decode(errors="replace").split()))[-MESSAGE_LENGTH:]

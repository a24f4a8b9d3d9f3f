"""Signatures by SSH keys: made and verified by `ssh-keygen -Y`, so no key is read here."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from handrail.clients.errors import ClientError

SECONDS = 60  # an agent may ask its user for a touch


def sign(text: str, key: str, namespace: str) -> str:
    """Return the signature of a text, as ssh-keygen armours it.

    Args:
        text: What is signed.
        key: File of a private key; or of a public one whose private half an agent holds.
        namespace: What the signature is for, so that it is good for nothing else.

    Raises:
        ClientError: there is no such key, or ssh-keygen refuses.
    """
    path = Path(key).expanduser()
    if not path.is_file():
        raise _unsigned(f"there is no key `{key}`", "name one: `ssh-keygen -t ed25519` makes it")
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder) / "message"
        message.write_text(text, encoding="utf-8")
        ended = _keygen(["-Y", "sign", "-q", "-f", str(path), "-n", namespace, str(message)])
        if ended.returncode:
            why = _last_line(ended.stderr)
            raise _unsigned(f"ssh-keygen: {why}", f"see `ssh-keygen -l -f {key}`")
        return Path(f"{message}.sig").read_text(encoding="ascii")


def signer(text: str, signature: str, known: Mapping[str, Sequence[str]], namespace: str) -> str:
    """Return who of those that are known signed a text; empty where nobody did.

    Args:
        text: What was signed.
        signature: As `sign` returned it.
        known: By name, public keys as in a ``.pub`` file: ``ssh-ed25519 AAAA…``.
        namespace: What the signature must be for.

    Raises:
        ClientError: there is no ssh-keygen.
    """
    with tempfile.TemporaryDirectory() as folder:
        allowed, signed = Path(folder) / "allowed", Path(folder) / "signature"
        allowed.write_text("".join(_allowed(known, namespace)), encoding="utf-8")
        signed.write_text(signature, encoding="utf-8")
        asked = ["-f", str(allowed), "-s", str(signed)]
        found = _keygen(["-Y", "find-principals", *asked])
        name = found.stdout.decode().strip().split("\n")[0]
        if found.returncode or name not in known:
            return ""
        verify = ["-Y", "verify", *asked, "-I", name, "-n", namespace]
        return "" if _keygen(verify, text.encode()).returncode else name


def _allowed(known: Mapping[str, Sequence[str]], namespace: str) -> Iterator[str]:
    """Yield the lines of a file of allowed signers."""
    for name, keys in known.items():
        for key in keys:
            yield f'"{name}" namespaces="{namespace}" {" ".join(key.split()[:2])}\n'


def _keygen(arguments: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin, capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        why = "there is no ssh-keygen on this machine"
        raise _unsigned(why, "install it: `apt install openssh-client`") from None
    except subprocess.TimeoutExpired:
        why = f"ssh-keygen did not answer within {SECONDS} s"
        raise _unsigned(why, "see that the key's agent is unlocked") from None


def _last_line(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


def _unsigned(why: str, fix: str) -> ClientError:
    return ClientError("nothing was signed or verified", why, f"{fix}; then the same command again")

"""Redis, as far as knowing that it answers."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret

DEFAULT_PORT = 6379
LONGEST_REPLY_BYTES = 4096


def ping(url: Secret, timeout_seconds: float = 5.0) -> float:
    """Send AUTH where the URL has a password, then PING; return the seconds it took.

    Args:
        url: ``redis://[user:password@]host[:port]``, or ``rediss://`` for TLS.
        timeout_seconds: For connecting, and for each reply.

    Raises:
        ClientError: unreachable, the password is refused, or something else than Redis answers.

    Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
    """
    asked = _Asked(url.called("its URL"))
    parts = asked.address(url)
    started = time.monotonic()
    with asked.in_words(timeout_seconds), _connected(parts, timeout_seconds) as connection:
        reply = _converse(connection, parts.username, parts.password)
    asked.refuse_other_than_pong(reply)
    return time.monotonic() - started


@dataclass(frozen=True)
class _Asked:
    """The Redis that is asked, as its refusals call it."""

    name: str

    def error(self, why: str, fix: str = "") -> ClientError:
        """Return why it did not answer, and what to do."""
        usual = f"see that it runs and lets this machine in, or correct {self.name}"
        return ClientError(f"the Redis of {self.name} did not answer a PING", why, fix or usual)

    def address(self, url: Secret) -> SplitResult:
        """Return the parts of a URL of Redis."""
        refused = self.error(
            "that is not a Redis URL", f"write redis://user:password@host:port into {self.name}"
        )
        try:
            parts = urlsplit(url.reveal())
            usable = parts.hostname and parts.port != 0 and parts.scheme in ("redis", "rediss")
        except ValueError:
            raise refused from None
        if not usable:
            raise refused
        return parts

    @contextmanager
    def in_words(self, timeout_seconds: float) -> Iterator[None]:
        """Say in words why nothing came."""
        try:
            yield
        except TimeoutError:
            raise self.error(f"nothing within {timeout_seconds:g} s") from None
        except ssl.SSLError:
            raise self.error("the TLS connection was refused") from None
        except socket.gaierror:
            raise self.error("the host name is not known", f"correct {self.name}") from None
        except OSError as error:
            raise self.error(error.strerror or "the connection was cut") from None

    def refuse_other_than_pong(self, reply: str) -> None:
        """Raise where it is a refusal; it may repeat what was sent, so only its kind is told."""
        if reply == "+PONG":
            return
        kind = reply[1:].partition(" ")[0] if reply.startswith("-") else "no Redis reply"
        if kind in ("NOAUTH", "WRONGPASS", "ERR"):
            why = f"user or password is refused ({kind})"
            raise self.error(why, f"put a valid URL into {self.name}")
        raise self.error(f"it answered {kind[:20]}")


@contextmanager
def _connected(parts: SplitResult, timeout_seconds: float) -> Iterator[socket.socket]:
    """Connect, with TLS where the URL says so."""
    address = (parts.hostname, parts.port or DEFAULT_PORT)
    with socket.create_connection(address, timeout_seconds) as plain:
        if parts.scheme == "redis":
            yield plain
            return
        context = ssl.create_default_context()
        with context.wrap_socket(plain, server_hostname=parts.hostname) as safe:
            yield safe


def _converse(connection: socket.socket, user: str | None, password: str | None) -> str:
    """Return the reply to PING, or the refusal that came before it."""
    if password:
        credentials = [unquote(part) for part in (user, password) if part]
        connection.sendall(_command("AUTH", *credentials))
        reply = _line(connection)
        if reply != "+OK":
            return reply
    connection.sendall(_command("PING"))
    return _line(connection)


def _command(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in encoded)


def _line(connection: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\r\n") and len(received) < LONGEST_REPLY_BYTES:
        chunk = connection.recv(LONGEST_REPLY_BYTES)
        if not chunk:
            break
        received += chunk
    return received.decode("utf-8", errors="replace").strip()

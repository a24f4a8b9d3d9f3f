"""Redis, as far as knowing that it answers."""

import socket
import ssl
import time
from urllib.parse import unquote, urlsplit

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
    name = f"`{url.reference}`" if url.reference else "its URL"
    what = f"the Redis of {name} did not answer a PING"
    fix = f"see that it runs and lets this machine in, or correct {name}"
    try:
        parts = urlsplit(url.reveal())
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, DEFAULT_PORT
    if host is None or parts.scheme not in ("redis", "rediss"):
        wanted = f"write redis://user:password@host:port into {name}"
        raise ClientError(what, "that is not a Redis URL", wanted)
    started = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout_seconds) as plain:
            if parts.scheme == "rediss":
                with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as safe:
                    reply = _converse(safe, parts.username, parts.password)
            else:
                reply = _converse(plain, parts.username, parts.password)
    except TimeoutError:
        raise ClientError(what, f"nothing within {timeout_seconds:g} s", fix) from None
    except ssl.SSLError:
        raise ClientError(what, "the TLS connection was refused", fix) from None
    except socket.gaierror:
        raise ClientError(what, "the host name is not known", f"correct {name}") from None
    except OSError as error:
        raise ClientError(what, error.strerror or "the connection was cut", fix) from None
    if reply != "+PONG":
        # The reply may repeat what was sent, so only its kind is passed on.
        kind = reply.lstrip("-").partition(" ")[0] if reply.startswith("-") else "no Redis reply"
        refused = kind in ("NOAUTH", "WRONGPASS", "ERR")
        raise ClientError(
            what,
            f"user or password is refused ({kind})" if refused else f"it answered {kind[:20]}",
            f"put a valid URL into {name}" if refused else fix,
        )
    return time.monotonic() - started


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

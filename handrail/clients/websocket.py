"""A WebSocket that speaks JSON, with a deadline for every message."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import websocket as wire

from handrail.clients.errors import ClientError
from handrail.clients.places import holds_all
from handrail.clients.secret import Secret
from handrail.clients.urls import leads_to_host

SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
# What a client sees when a connection ends without a close frame, which Daphne does on SIGTERM.
# Source: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
ABNORMAL = 1006
NO_CODE, CODE_BYTES = 1005, 2
CLOSE_SECONDS = 1
SEE_LOG = "see the log of the channels service"
# Why no handshake came about; the first kind that fits counts. {} is what it was given, in seconds.
FAULTS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((wire.WebSocketTimeoutException, TimeoutError), "no handshake within {:g} s"),
    (wire.WebSocketAddressException, "the host name is not known"),
    (ConnectionRefusedError, "the connection was refused"),
    (Exception, "the handshake failed"),
)


class Closed(ClientError):
    """The other side closed the connection.

    Args:
        what: What was waited for.
        code: Close code; 1006 when it went without one.
        fix: What to look at.
    """

    def __init__(self, what: str, code: int, fix: str) -> None:
        super().__init__(what, f"it was closed with code {code}", fix)
        self.code = code


class NoObject(ClientError):
    """A message came that is no JSON object."""


class Channel:
    """An open WebSocket."""

    def __init__(self, connection: wire.WebSocket, place: str) -> None:
        self._connection = connection
        self._place = place

    def receive(self, timeout_seconds: float = 10.0) -> dict[str, Any]:  # Any: JSON
        """Return the next message.

        Args:
            timeout_seconds: For the whole message; pings do not prolong it.

        Raises:
            Closed: the other side closed instead.
            ClientError: none came in time, or it is not a JSON object.
        """
        what = f"no message came from {self._place}"
        late = ClientError(what, f"nothing within {timeout_seconds:g} s", SEE_LOG)
        until = time.monotonic() + timeout_seconds
        while True:
            # At least a moment, because zero would mean not to wait for what is there already.
            self._connection.settimeout(max(0.01, until - time.monotonic()))
            opcode, content = self._frame(late)
            if opcode == wire.ABNF.OPCODE_CLOSE:
                raise Closed(what, _close_code(content), SEE_LOG)
            if opcode in (wire.ABNF.OPCODE_TEXT, wire.ABNF.OPCODE_BINARY):
                return self._read(content)
            if time.monotonic() > until:
                raise late

    def _frame(self, late: ClientError) -> tuple[int, bytes]:
        """Return the next frame, a ping as well; where none comes in time, raise that."""
        try:
            return self._connection.recv_data(control_frame=True)
        except (wire.WebSocketTimeoutException, TimeoutError):
            raise late from None
        except (wire.WebSocketException, OSError):
            raise Closed(late.what, ABNORMAL, SEE_LOG) from None

    def receive_until(
        self, wanted: dict[str, Any], timeout_seconds: float = 10.0
    ) -> dict[str, Any]:  # Any: JSON
        """Return the next message that holds all the wanted fields, passing others over.

        Raises:
            Closed: the other side closed instead.
            ClientError: none came in time.
        """
        until = time.monotonic() + timeout_seconds
        while True:
            try:
                message = self.receive(max(0.01, until - time.monotonic()))
            except NoObject:  # a heartbeat, say
                continue
            if holds_all(wanted, message):
                return message

    def send(self, message: dict[str, Any]) -> None:  # Any: JSON
        """Send a message.

        Raises:
            Closed: the connection is gone.
        """
        try:
            self._connection.send(json.dumps(message))
        except (wire.WebSocketException, OSError):
            what = f"a message could not be sent to {self._place}"
            raise Closed(what, ABNORMAL, SEE_LOG) from None

    def _read(self, content: bytes) -> dict[str, Any]:
        try:
            message = json.loads(content)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise NoObject(
                f"a message of {self._place} could not be read",
                "it is not a JSON object",
                "see which application answers there",
            )
        return message


@contextlib.contextmanager
def connect(
    base_url: str,
    path: str,
    *,
    token: Secret | None = None,
    parameter: str = "token",
    subprotocols: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = 10.0,
) -> Iterator[Channel]:
    """Open a WebSocket for a `with` block.

    Args:
        base_url: ``http(s)://`` or ``ws(s)://`` and host.
        path: Path of the socket.
        token: Sent in the query, and never shown.
        parameter: What the query calls it.
        subprotocols: What is offered, never shown; the server has to choose one of them.
        headers: Sent with the handshake, and never shown.
        timeout_seconds: For connecting and the handshake.

    Raises:
        ClientError: unreachable, or the handshake was refused.
    """
    parts = urlsplit(base_url)
    what = f"no WebSocket to {parts.netloc.rpartition('@')[2]}{path}"
    if not leads_to_host(base_url, tuple(SCHEMES)):
        why = "the address does not start with http(s):// or ws(s):// and a host"
        raise ClientError(what, why, "correct the address in the inventory")
    query = f"?{urlencode({parameter: token.reveal()})}" if token else ""
    url = f"{SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}{path}{query}"
    fix = f"see that the service runs: `curl -sS -I {parts.scheme}://{parts.netloc}`"
    connection = wire.WebSocket()
    try:
        # websocket-client leaves this method, and shutdown below, unannotated.
        connection.connect(  # type: ignore[no-untyped-call]
            url, timeout=timeout_seconds, redirect_limit=0,
            subprotocols=list(subprotocols) or None, header=dict(headers or {}),
        )  # fmt: skip
    except (wire.WebSocketException, OSError, ValueError) as error:
        status = _answered(connection, error)
        if status is not None:
            raise _refused(what, status) from None
        raise ClientError(what, _why(error, timeout_seconds), fix) from None
    try:
        yield Channel(connection, f"{parts.netloc.rpartition('@')[2]}{path}")
    finally:
        with contextlib.suppress(wire.WebSocketException, OSError):
            connection.close(timeout=CLOSE_SECONDS)
        # After a close by the other side, the library leaves the socket open.
        connection.shutdown()  # type: ignore[no-untyped-call]


def _close_code(content: bytes) -> int:
    return int.from_bytes(content[:2], "big") if len(content) >= CODE_BYTES else NO_CODE


def _answered(connection: wire.WebSocket, error: Exception) -> int | None:
    """Return how the handshake was answered; None where it was not. A redirect ends so as well."""
    if isinstance(error, wire.WebSocketBadStatusException):
        return error.status_code
    response = connection.handshake_response
    return None if response is None else response.status


def _why(error: Exception, timeout_seconds: float) -> str:
    """Return why no handshake came about; the error's own words may quote the URL and its token."""
    why = next(why for kinds, why in FAULTS if isinstance(error, kinds))
    return why.format(timeout_seconds)


def _refused(what: str, status: int) -> ClientError:
    see = "see that the path is right and that the service is the channels one"
    return ClientError(what, f"the handshake was answered with {status}", see)

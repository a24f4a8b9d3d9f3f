"""Whether what is made over HTTP arrives on a WebSocket."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from handrail.clients.accounts import Account
from handrail.clients.app.application import Application
from handrail.clients.app.cause import made
from handrail.clients.app.profile import Absent, Socket
from handrail.clients.app.seen import Seen, status
from handrail.clients.places import filled
from handrail.clients.secret import Secret
from handrail.clients.websocket import Channel, connect


def seen(
    app: Application, url: str, account: Account, socket: Socket, timeout_seconds: float
) -> Seen:
    """Open the account's socket, make a message for it, and wait until it arrives.

    Args:
        app: The application.
        url: Where the socket is.
        account: Whose socket.
        socket: What the profile says of it.
        timeout_seconds: Longest wait for each message.

    Raises:
        ClientError: the socket does not open, or no message comes.
    """
    token = app.sign_in(account)
    http = app.carrying(token, app.door(account))
    me = app.me(http, account)
    word = f"Cutover check {secrets.token_hex(4)}"
    with (
        _entered(url, socket, token, timeout_seconds) as channel,
        made(http, socket, word, me) as answer,
    ):
        if answer.status not in socket.status:
            said = f"{status(answer)} {app.message(answer)}".rstrip()
            return Seen(f"the notification is answered {said}")
        return _heard(channel, socket, word, timeout_seconds)


def opened(
    app: Application, url: str, account: Account, socket: Socket, timeout_seconds: float
) -> Seen:
    """Open the account's socket and wait for its welcome; nothing is made.

    Raises:
        ClientError: it does not open, or nobody is welcomed.
    """
    with _entered(url, socket, app.sign_in(account), timeout_seconds):
        return Seen()


@contextmanager
def _entered(url: str, socket: Socket, token: Secret, timeout_seconds: float) -> Iterator[Channel]:
    """Open a socket with a token as the profile says, and see the welcome if there is one."""
    known = {"token": token.reveal()}
    query = "" if isinstance(socket.token, Absent) else socket.token
    offered, headers = filled(socket.subprotocols, known), filled(socket.headers, known)
    with connect(
        url,
        socket.path,
        token=token if query else None,
        parameter=query,
        subprotocols=offered,
        headers=headers,
    ) as channel:
        if socket.first is not None:
            channel.send(filled(socket.first, known))
        if not isinstance(socket.welcome, Absent):
            channel.receive_until(socket.welcome, timeout_seconds)
        yield channel


def _heard(channel: Channel, socket: Socket, word: str, timeout_seconds: float) -> Seen:
    """Wait for the message with a word; others may arrive for the same account meanwhile."""
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    while (left := (deadline - datetime.now(UTC)).total_seconds()) > 0:
        if word in json.dumps(channel.receive_until(socket.event, left)):
            return Seen()
    return Seen("only other notifications arrived")

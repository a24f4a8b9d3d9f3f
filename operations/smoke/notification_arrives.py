"""Tasks 6.1 and 12: what is made over HTTP arrives on the user's WebSocket."""

import json
import secrets
from datetime import UTC, datetime, timedelta

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app.cause import made
from handrail.clients.app.profile import Absent, Socket
from handrail.clients.websocket import Channel, connect
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import application, none_there


@gate(fix="read the logs of the channels service on Render, mend, then the same command again")
def notification_arrives(
    *,
    web_url: str = FROM_TARGET,
    channels_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    timeout_seconds: float = 20,
) -> Finding:
    """A notification that is made over HTTP arrives on the user's WebSocket."""
    app = application(web_url, profile, system)
    socket = app.system.socket
    if isinstance(socket, Absent):
        return none_there(socket, "WebSocket")
    account = canaries.administrator()
    token = app.sign_in(account)
    http = app.carrying(token, app.door(account))
    me = app.me(http, account)
    word = f"Cutover check {secrets.token_hex(4)}"
    with connect(channels_url, socket.path, token=token, parameter=socket.token) as channel:
        if not isinstance(socket.welcome, Absent):
            channel.receive_until(socket.welcome, timeout_seconds)
        with made(http, socket, word, me) as answer:
            if answer.status not in socket.status:
                return fails(f"the notification is answered {answer.status} {app.message(answer)}")
            return heard(channel, socket, word, timeout_seconds)


def heard(channel: Channel, socket: Socket, word: str, timeout_seconds: float) -> Finding:
    """Wait for the message with a word; others may arrive for the same account meanwhile."""
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    while (left := (deadline - datetime.now(UTC)).total_seconds()) > 0:
        if word in json.dumps(channel.receive_until(socket.event, left)):
            return holds()
    return fails("only other notifications arrived")

"""Tasks 6.1 and 12: what is made over HTTP arrives on the user's WebSocket."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app import socket as sockets
from handrail.clients.app.profile import Absent
from handrail.engine import FROM_TARGET, Finding, gate

from ..applications import application, finding, none_there


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
    return finding(sockets.seen(app, channels_url, account, socket, timeout_seconds))

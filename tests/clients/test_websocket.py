"""WebSocket, against a server that speaks the protocol byte for byte."""

import base64
import hashlib
import json
import socket
import threading

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from handrail.clients.websocket import Closed, connect
from tests.clients.conftest import MARK, Reply

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING = 1, 8, 9


def frame(opcode, content):
    """Return one unmasked frame, as servers send."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    size = bytes([len(body)]) if len(body) < 126 else b"\x7e" + len(body).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + body


@pytest.fixture
def serving():
    """Start a server that shakes hands, sends bytes, keeps what it was sent, and goes."""
    listeners = []

    def start(*frames, stay=True):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        got = []

        def serve():
            connection, _ = listener.accept()
            with connection:
                request = connection.recv(8192).decode()
                got.append(request)
                key = next(line.split(": ")[1] for line in request.split("\r\n") if "-Key:" in line)
                accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
                connection.sendall(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
                )
                for each in frames:
                    connection.sendall(each)
                while stay and (more := connection.recv(4096)):
                    got.append(more)
                    if more[0] == 0x80 | CLOSE:
                        break

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}", got

    yield start
    for listener in listeners:
        listener.close()


def test_messages_arrive_as_data_and_the_token_goes_in_the_query(serving):
    """A ping in between is answered and is no message."""
    url, got = serving(frame(TEXT, {"type": "welcome"}), frame(PING, b"x"), frame(TEXT, {"n": 1}))

    with connect(url, "/ws/", token=Secret.of(f"t {MARK}")) as channel:
        assert channel.receive(2) == {"type": "welcome"}
        assert channel.receive(2) == {"n": 1}
        channel.send({"type": "hello"})

    assert got[0].startswith(f"GET /ws/?token=t+{MARK} HTTP/1.1")


def test_a_subprotocol_is_offered_and_has_to_be_chosen(serving):
    """As a browser does it; the token in it is shown nowhere."""
    url, got = serving()

    with pytest.raises(ClientError) as caught, connect(url, "/ws", subprotocols=["v1", MARK]):
        pass

    assert f"Sec-WebSocket-Protocol: v1,{MARK}" in got[0]
    assert MARK not in str(caught.value)


def test_the_wanted_message_is_found_among_others(serving):
    """Notifications of others pass by, and so does a heartbeat that is no object."""
    frames = [frame(TEXT, "beat"), frame(TEXT, [1])]
    frames += [
        frame(TEXT, {"type": "notification", "n": n, "of": {"x": n, "y": 0}}) for n in range(3)
    ]
    url, _ = serving(*frames)

    with connect(url, "/ws") as channel:
        assert channel.receive_until({"of": {"x": 2}}, 2)["n"] == 2


def test_a_close_is_told_by_its_code(serving):
    """4401 is the application's own word for a bad token."""
    url, _ = serving(frame(CLOSE, (4401).to_bytes(2, "big") + b"bad token"))

    with pytest.raises(Closed, match="code 4401") as caught:  # noqa: SIM117  the block raises
        with connect(url, "/ws", token=Secret.of(MARK)) as channel:
            channel.receive(2)

    assert caught.value.code == 4401


def test_a_connection_cut_without_a_close_is_1006(serving):
    """Daphne drops its sockets like that when it is told to end."""
    url, _ = serving(stay=False)

    with pytest.raises(Closed) as caught, connect(url, "/ws") as channel:
        channel.receive(2)

    assert caught.value.code == 1006


def test_silence_is_given_up_in_time(serving):
    """Pings do not prolong it."""
    url, _ = serving(*[frame(PING, b"x")] * 5)

    with pytest.raises(ClientError, match=r"nothing within 0\.2 s"), connect(url, "/ws") as channel:
        channel.receive(0.2)


def test_a_message_that_is_no_json_object_is_refused(serving):
    """Without its text."""
    url, _ = serving(frame(TEXT, f"plain {MARK}"))

    with pytest.raises(ClientError, match="not a JSON object"), connect(url, "/ws") as channel:
        channel.receive(2)


@pytest.mark.parametrize("status", [301, 403, 404, 500])
def test_a_refused_handshake_is_told_by_its_status(wire, status):
    """A redirect is not followed: it would carry the token along."""
    reply = Reply(status, None, {"Location": f"{wire.url}/elsewhere"})
    wire.on("GET", "/ws", reply)

    with pytest.raises(ClientError, match=f"answered with {status}"):  # noqa: SIM117
        with connect(wire.url, "/ws", token=Secret.of(MARK)):
            pytest.fail("it was opened")

    assert len(wire.seen) == 1


def test_an_unreachable_server_and_an_odd_address_are_refused(wire):
    """Each by its own word."""
    wire.close()

    for url, why in ((wire.url, "refused"), ("ftp://h", "does not start"), ("//h", "not start")):
        with pytest.raises(ClientError, match=why), connect(url, "/ws", token=Secret.of(MARK)):
            pytest.fail("it was opened")

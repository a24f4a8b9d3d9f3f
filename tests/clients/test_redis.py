"""The ping of Redis, against a real server and against what is none."""

import socket
import threading

import pytest
from rehearsal.redis_server import RedisServer

from handrail.clients.errors import ClientError
from handrail.clients.redis import ping
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a password."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def answering():
    """A server that answers every connection with fixed bytes, or with silence."""
    listeners = []

    def listen(reply):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                if reply is None:
                    connection.recv(1)
                else:
                    connection.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        return f"redis://127.0.0.1:{listener.getsockname()[1]}"

    yield listen
    for listener in listeners:
        listener.close()


def test_a_server_with_a_password_answers(server):
    """AUTH, PING, and the seconds it took."""
    assert 0 < ping(Secret.of(server.url(0))) < 5


def test_a_wrong_or_missing_password_is_refused(server):
    """Told apart from a server that is down, without the password."""
    for user in (f":wrong-{MARK}@", f"ghost:wrong-{MARK}@", ""):
        url = Secret.of(f"redis://{user}127.0.0.1:{server.port}/0")
        with pytest.raises(ClientError, match="user or password is refused"):
            ping(url)


def test_an_odd_password_is_decoded_from_the_url(answering):
    """Percent signs belong to the URL; a password for nobody is refused by name."""
    url = answering(b"-ERR Client sent AUTH, but no password is set\r\n")
    with pytest.raises(ClientError, match=r"refused \(ERR\)"):
        ping(Secret.of(url.replace("//", f"//:p%40{MARK}@")))


def test_nothing_there_is_said_to_be_nothing(monkeypatch):
    """With the reference to correct."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("REDIS_URL", f"redis://:{MARK}@127.0.0.1:{port}")

    with pytest.raises(ClientError, match="refused") as caught:
        ping(Secret("env:REDIS_URL"))

    assert "`env:REDIS_URL`" in caught.value.what


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (None, "nothing within 0.2 s"),
        (b"HTTP/1.1 400 Bad Request\r\n", "no Redis reply"),
        (b"", "no Redis reply"),
        (b"-LOADING Redis is loading\r\n", "it answered LOADING"),
    ],
)
def test_what_does_not_answer_like_redis_is_refused(answering, reply, why):
    """Silence, another protocol, a cut connection, a server that is not ready."""
    with pytest.raises(ClientError, match=why):
        ping(Secret.of(answering(reply)), timeout_seconds=0.2)


@pytest.mark.parametrize("value", [f"http://:{MARK}@h", f"redis://:{MARK}@h:port", f"{MARK}"])
def test_what_is_no_redis_url_is_refused_without_showing_it(value):
    """Before anything is connected to."""
    with pytest.raises(ClientError, match="not a Redis URL"):
        ping(Secret.of(value))


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(server):
    """No password goes out in clear."""
    with pytest.raises(ClientError, match=r"nothing within|TLS connection"):
        ping(Secret.of(f"rediss://:{MARK}@127.0.0.1:{server.port}"), timeout_seconds=0.3)

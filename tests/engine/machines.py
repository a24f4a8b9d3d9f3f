"""Two machines, as far as a kernel has them: network namespaces with a line to the server each."""

import os
import shutil
import socket
import subprocess
import threading
from contextlib import suppress

import pytest


def refusal() -> str:
    """Return why there are no such machines here; empty where there are."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root and iproute2: no network namespaces here"
    name = f"hr-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    if made.returncode:
        return "this kernel, or this container, makes no network namespaces"
    return "" if shutil.which("faketime") else "faketime is not installed: apt install faketime"


class Machine:
    """A network namespace whose one line leads to a relay in front of the server.

    Args:
        number: From 1; its addresses are 10.231.NUMBER.0/24.
        port: Of the server, on loopback.
        clock: How far its clock is off: ``+2h``.
    """

    def __init__(self, number: int, port: int, clock: str) -> None:
        self.name, self.line = f"hr{os.getpid()}-{number}", f"hr{os.getpid() % 10000}v{number}"
        self.clock, self._port = clock, port
        here, there = f"10.231.{number}.1", f"10.231.{number}.2"
        ip("netns", "add", self.name)
        ip("link", "add", self.line, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("addr", "add", f"{here}/24", "dev", self.line)
        ip("link", "set", self.line, "up")
        for words in (["addr", "add", f"{there}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["link", "set", "lo", "up"]):  # fmt: skip
            ip("-n", self.name, *words)
        self._relay = socket.create_server((here, 0))
        self.address = (here, self._relay.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def command(self, command: list[str]) -> list[str]:
        """Return a command as it is run on this machine, by its own clock."""
        return ["ip", "netns", "exec", self.name, "faketime", "-f", self.clock, *command]

    def cut(self) -> None:
        """Take the line away: nothing is refused, nothing arrives."""
        ip("link", "set", self.line, "down")

    def mend(self) -> None:
        """Put the line back."""
        ip("link", "set", self.line, "up")

    def close(self) -> None:
        """Take the machine away, with its line."""
        self._relay.close()
        ip("link", "del", self.line)  # at once; with the namespace it would go some time later
        ip("netns", "del", self.name)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._relay.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_carry, args=pair, daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def ip(*words: str) -> None:
    """Run `ip`; what it says is shown where it fails."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


needed = pytest.mark.skipif(bool(refusal()), reason=refusal() or "there")

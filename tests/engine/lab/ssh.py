"""A real SSH server on loopback for each target, in this process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncssh

USER, PASSWORD = "operator", "a password for loopback"


class _Door(asyncssh.SSHServer):
    """Let the one user in."""

    def begin_auth(self, username: str) -> bool:
        """Ask for the password."""
        return True

    def password_auth_supported(self) -> bool:
        """Take passwords."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Know the one user."""
        return (username, password) == (USER, PASSWORD)


@dataclass
class Host:
    """A server: its port, and the commands it was sent."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def serve(self, key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        """Listen on a free port."""
        listening = await asyncssh.create_server(
            _Door, "127.0.0.1", 0, server_host_keys=[key], process_factory=self._run,
            sftp_factory=True,
        )  # fmt: skip
        self.port = listening.get_port()
        return listening

    async def _run(self, process: asyncssh.SSHServerProcess) -> None:
        command = process.command or "true"
        self.commands.append(command)
        done = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.running.append(done)
        output, errors = await done.communicate()
        process.stdout.write(output.decode())
        process.stderr.write(errors.decode())
        process.exit(done.returncode or 0)

    def data(self) -> dict[str, object]:
        """Return what an inventory says of this host."""
        return {
            "ssh_hostname": "127.0.0.1",
            "ssh_port": self.port,
            "ssh_user": USER,
            "ssh_password": PASSWORD,
            "ssh_allow_agent": False,
            "ssh_look_for_keys": False,
            "ssh_strict_host_key_checking": "off",
            "ssh_known_hosts_file": "/dev/null",
        }


async def closed(server: asyncssh.SSHAcceptor, host: Host) -> None:
    """Let a server take nobody more, and let go of what it was told to run."""
    server.close()
    await server.wait_closed()
    for each in host.running:
        each._transport.close()
        await each.wait()


@contextmanager
def hosts(*names: str) -> Iterator[dict[str, Host]]:
    """Run a server for each name."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=20)

    servers = {name: Host() for name in names}
    key = asyncssh.generate_private_key("ssh-ed25519")
    listening = [wait(server.serve(key)) for server in servers.values()]
    try:
        yield servers
    finally:
        for each, host in zip(listening, servers.values(), strict=True):
            wait(closed(each, host))  # by the loop's own thread: closing is no business of two
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

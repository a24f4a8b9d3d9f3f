"""Commands as Render runs them: by a shell, in a minimal environment, lines to the log."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from rehearsal.processes import die_with_parent, group_members, signal_group
from rehearsal.wire import hang_up, read_head

CHUNK_BYTES = 64 * 1024
LAST_WORDS_SECONDS = 1.0
SHELLS = {"bash", "sh", "dash"}
OnLine = Callable[[str], None]


class Instance:
    """One running command and its process group."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, on_line: OnLine) -> None:
        self.process = process
        self.port = port
        self.stopping = False
        self._pump = asyncio.create_task(self._read_lines(on_line))

    @classmethod
    async def start(
        cls, command: str, env: dict[str, str], cwd: Path, on_line: OnLine, port: int = 0
    ) -> "Instance":
        """Start a command in a process group of its own."""
        process = await asyncio.create_subprocess_exec(
            "/bin/bash", "-c", command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # the loop's thread lives as long as the world
        )  # fmt: skip
        return cls(process, port, on_line)

    @property
    def group(self) -> int:
        """Return the process group, which is the first process's id."""
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """Return how the command ended; None while it runs."""
        return self.process.returncode

    async def finish(self) -> int:
        """Wait for the command and for its last lines."""
        code = await self.process.wait()
        with contextlib.suppress(TimeoutError):  # a child left behind may hold the pipe open
            await asyncio.wait_for(asyncio.shield(self._pump), LAST_WORDS_SECONDS)
        self._let_go()
        return code

    async def kill(self) -> None:
        """End its whole group at once, and wait for that: no loop closes before it."""
        signal_group(self.group, signal.SIGKILL)
        await self.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        self._pump.cancel()
        self.process._transport.close()  # else a child left behind keeps the pipe open

    async def stop(self, delay_seconds: float) -> None:
        """Ask the command to end; after the delay, end what is left of its group."""
        self.stopping = True
        for pid in self._leaders():
            signal_process(pid, signal.SIGTERM)
        deadline = asyncio.get_running_loop().time() + delay_seconds
        while any(group_members(self.group)):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.05)
        signal_group(self.group, signal.SIGKILL)
        await self.finish()

    def _leaders(self) -> list[int]:
        """Return whom SIGTERM goes to: the first process, and its children if it is a shell.

        A pool server's workers must not get it too: their master decides when they end.
        """
        leader = self.process.pid
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{leader}/comm").read_text(encoding="utf-8").strip()
            if name in SHELLS:
                tasks = Path(f"/proc/{leader}/task/{leader}/children")
                return [*map(int, tasks.read_text(encoding="ascii").split()), leader]
        return [leader]

    async def _read_lines(self, on_line: OnLine) -> None:
        stream, rest = self.process.stdout, b""
        while stream and (chunk := await stream.read(CHUNK_BYTES)):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace").rstrip("\r"))
        if rest:
            on_line(rest.decode(errors="replace"))


def signal_process(pid: int, which: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, which)


async def run_to_end(
    command: str, env: dict[str, str], cwd: Path, on_line: OnLine, timeout_seconds: float
) -> int | None:
    """Run a command and return its exit code; None when it took too long and was ended."""
    instance = await Instance.start(command, env, cwd, on_line)
    try:
        return await asyncio.wait_for(instance.finish(), timeout_seconds)
    except TimeoutError:
        return None
    finally:
        await instance.kill()


async def health_status(port: int, path: str, host: str, timeout_seconds: float) -> int | None:
    """Ask a health path; return the status, or None without an answer in time."""
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Render/1.0\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                head = await read_head(reader)
            finally:
                await hang_up(writer)
    except (OSError, TimeoutError):
        return None
    return int(head.start.split(" ")[1]) if head else None

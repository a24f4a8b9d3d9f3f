"""Two machines, as far as a kernel has them: namespaces, with a line to the servers each."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsal.lifecycle import ROOT

OVER_THE_LINE = "77"  # a table of routes
ALONE = ("unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
# Its name, then where its own /tmp is made, then what is seen there of this machine's. In /dev/shm
# faketime keeps a clock for each process number, and those of two machines are the same.
FIRST = """set -e
hostname "$1"; own=$2; shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs "$own"
for each; do
  case "$each" in
    /tmp/*) mkdir -p "$own/${each#/tmp/}"; mount --rbind "$each" "$own/${each#/tmp/}" ;;
  esac
done
mount --move "$own" /tmp
chmod 1777 /tmp
echo up
exec sleep infinity
"""


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
    """A machine of its own as far as a kernel has them, with one line to this one.

    Its network, processes, host name, clock and `/tmp` are its own. Servers here listen on
    loopback: a port of 127.0.0.1 that it is told to reach goes over the line, under the address
    that everybody knows; every other port is its own.

    Args:
        number: From 1; its addresses are 10.231.NUMBER.0/24.
        clock: How far its clock is off: ``+2h``.
        folder: What both machines see, as if it were mounted; the rest of `/tmp` they do not.
    """

    def __init__(self, number: int, clock: str, folder: Path) -> None:
        self.name, self.line = f"hr{os.getpid()}-{number}", f"hr{os.getpid() % 10000}v{number}"
        self.clock, self.folder = clock, folder
        near, far = f"10.231.{number}.1", f"10.231.{number}.2"
        ip("netns", "add", self.name)
        ip("link", "add", self.line, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("addr", "add", f"{near}/24", "dev", self.line)
        ip("link", "set", self.line, "up")
        for words in (["addr", "add", f"{far}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["link", "set", "lo", "up"],
                      ["rule", "add", "pref", "100", "lookup", "local"],
                      ["rule", "del", "pref", "0"]):  # fmt: skip
            ip("-n", self.name, *words)
        way = ["127.0.0.1", "via", near, "dev", "eth0", "src", far, "table", OVER_THE_LINE]
        ip("-n", self.name, "route", "add", *way)
        # A kernel lets loopback addresses pass no line but one that is told to.
        local = "net.ipv4.conf.{}.route_localnet=1"
        done(["sysctl", "-qw", local.format(self.line)])
        done(["ip", "netns", "exec", self.name, "sysctl", "-qw", local.format("eth0")])
        self.switch_on()

    def switch_on(self) -> None:
        """Start it: no process of before is there any more."""
        own = self.folder / f"tmp-{self.name}"
        own.mkdir(exist_ok=True)
        kept = [str(each) for each in (self.folder, ROOT, sys.prefix, sys.base_prefix)]
        self._starter = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *ALONE, "sh", "-c", FIRST, "sh", self.name,
             str(own), *kept],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._starter.stdout is not None
        assert self._starter.stdout.readline() == "up\n", f"{self.name} did not start"
        children = Path(f"/proc/{self._starter.pid}/task/{self._starter.pid}/children")
        self._first = int(children.read_text().split()[0])

    def switch_off(self) -> None:
        """Take its power: every process of it is gone at once."""
        os.kill(self._first, signal.SIGKILL)
        self._starter.communicate()

    def reach(self, port: int) -> None:
        """Let a port of loopback be the one of the machine with the servers."""
        words = ["to", "127.0.0.1", "ipproto", "tcp", "dport", f"{port}", "lookup", OVER_THE_LINE]
        ip("-n", self.name, "rule", "add", "pref", "10", *words)

    def command(self, command: list[str], folder: Path) -> list[str]:
        """Return a command as it is run on this machine, in a folder, by its own clock."""
        enter = [
            "nsenter",
            "-t",
            f"{self._first}",
            "-n",
            "-u",
            "-p",
            "-m",
            "env",
            "-C",
            f"{folder}",
        ]
        return [*enter, "faketime", "-f", self.clock, *command]

    def cut(self) -> None:
        """Take the line away: nothing is refused, nothing arrives."""
        ip("link", "set", self.line, "down")

    def mend(self) -> None:
        """Put the line back."""
        ip("link", "set", self.line, "up")

    def close(self) -> None:
        """Take the machine away, with its line and all that runs there."""
        if self._starter.poll() is None:
            self.switch_off()
        ip("link", "del", self.line)  # at once; with the namespace it would go some time later
        ip("netns", "del", self.name)


def ip(*words: str) -> None:
    """Run `ip`; what it says is shown where it fails."""
    done(["ip", *words])


def done(command: list[str]) -> None:
    """Run a command; what it says is shown where it fails."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


needed = pytest.mark.skipif(bool(refusal()), reason=refusal() or "there")

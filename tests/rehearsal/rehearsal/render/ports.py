"""Which ports a process group listens on, and whether the outside could reach them."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.processes import group_members

LISTEN = "0A"  # Source: include/net/tcp_states.h
ANY_ADDRESS = {"00000000", "0" * 32}


@dataclass
class OpenPorts:
    """Ports bound to every address, and ports bound to the loopback interface only."""

    public: set[int] = field(default_factory=set)
    local: set[int] = field(default_factory=set)

    def chosen(self, assigned: int) -> int | None:
        """Return the port traffic goes to: the assigned one when open, else the lowest."""
        if assigned in self.public:
            return assigned
        return min(self.public, default=None)


def _sockets_of(group: int) -> set[str]:
    inodes = set()
    for pid in group_members(group):
        with contextlib.suppress(OSError):  # the process may end while it is looked at
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(entry.readlink())
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    return inodes


def open_ports(group: int) -> OpenPorts:
    """Read what the processes of a group listen on from the kernel's tables."""
    inodes = _sockets_of(group)
    found = OpenPorts()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):  # a kernel without IPv6 has no second table
            for row in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                # Source: proc(5), /proc/net/tcp: sl local rem st … uid timeout inode
                columns = row.split()
                address, _, port = columns[1].partition(":")
                if columns[3] == LISTEN and columns[9] in inodes:
                    wide = address in ANY_ADDRESS
                    (found.public if wide else found.local).add(int(port, 16))
    return found

"""Steps that borrow pyinfra's operations on what a machine runs: its services and packages."""

from io import StringIO
from pathlib import Path

from pyinfra.context import host
from pyinfra.facts.deb import DebPackages
from pyinfra.facts.systemd import SystemdEnabled, SystemdStatus
from pyinfra.operations import apt, files, server, systemd

from handrail.engine import Commands, Finding, adopt, holds_if, step, uses


def as_it_is(service: str) -> dict[str, bool]:
    """Return whether a service runs, and whether it starts with the machine."""
    unit = f"{service}.service"
    return {
        "running": host.get_fact(SystemdStatus, services=[unit]).get(unit, False),
        "enabled": host.get_fact(SystemdEnabled, services=[unit]).get(unit, False),
    }


def as_it_was(service: str, before: dict[str, bool]) -> Commands:
    """Start or stop it, and let it start with the machine or not, as before."""
    yield from uses(systemd.service, service=service, **before)


def installed(packages: list[str]) -> list[str]:
    """Return which of the packages are installed."""
    return sorted(set(packages) & host.get_fact(DebPackages).keys())


def only(packages: list[str], before: list[str]) -> Commands:
    """Remove those that were not there."""
    added = [each for each in packages if each not in before]
    yield from uses(apt.packages, packages=added, present=False)


service = adopt(server.service, captures=as_it_is, rollback=as_it_was)
packages = adopt(apt.packages, captures=installed, rollback=only)


def text_of(path: str) -> str | None:
    """Return what a file says, or None where there is none."""
    return Path(path).read_text() if Path(path).exists() else None


def is_configured(path: str, text: str, service: str) -> Finding:
    """The file says the text, and the service runs."""
    found, runs = text_of(path), as_it_is(service)["running"]
    return holds_if(found == text and runs, f"it says {found!r}, and runs: {runs}")


def reconfigured(path: str, service: str, before: str | None) -> Commands:
    """Put the file back, and let the service read it."""
    if before is None:
        yield from uses(files.file, path=path, present=False)
    else:
        yield from uses(files.put, src=StringIO(before), dest=path)
    yield from uses(server.service, service=service, restarted=True)


@step(captures=text_of, ensures=is_configured, rollback=reconfigured, idempotent=True)
def configure(path: str, text: str, service: str) -> Commands:
    """Write a service's file, and let it read that."""
    yield from uses(files.put, src=StringIO(text), dest=path)
    yield from uses(server.service, service=service, running=True, restarted=True)

"""Which running applications `handrail doctor` tries, and where they are."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from handrail.cli.application import Running, lines
from handrail.cli.inventory_data import hosts_of
from handrail.cli.out import Misused
from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.browser import Browser
from handrail.clients.ready.claim import Line
from handrail.naming import ticked

NONE_TRIED = "no application was tried"
Data = Mapping[str, Any]  # Any: what an inventory holds


def of_application(
    inventory: str | None, given: Mapping[str, str | None], *, read_only: bool
) -> list[Line]:
    """Try an application at the addresses of an inventory's hosts, or at those of the command line.

    Args:
        inventory: The inventory, if any.
        given: ``system, profile, url, accounts, channels_url, frontend_url, browser``; what is
            given ranks above the inventory.
        read_only: Make nothing.

    Raises:
        Misused: the command line does not say where it is, or who may enter.
    """
    own = {name: value for name, value in given.items() if value}
    hosts = _hosts(inventory) if inventory else {"": {}}
    found = [
        running(host, data | named(own), own, read_only=read_only) for host, data in hosts.items()
    ]
    return list(chain.from_iterable(map(lines, found)))


def _hosts(inventory: str) -> dict[str, dict[str, Any]]:  # Any: as in Data
    """Return the hosts of an inventory whose application can be entered.

    Raises:
        Misused: there is none.
    """
    found = {host: dict(data) for host, data in hosts_of(inventory).items() if "canaries" in data}
    if not found:
        why = f"no host of `{inventory}` has `canaries`, the accounts that are known"
        raise Misused(NONE_TRIED, why, "give --profile, --url and --accounts instead")
    return found


def named(own: Mapping[str, str]) -> dict[str, Any]:
    """Return options under the names that an inventory has for them."""
    told: dict[str, Any] = {
        {"accounts": "canaries"}.get(name, name): value
        for name, value in own.items()
        if name not in ("url", "browser", "system")
    }
    return told | ({"browser": {"program": own["browser"]}} if "browser" in own else {})


def running(host: str, data: Data, own: Mapping[str, str], *, read_only: bool) -> Running:
    """Return where a host's application is.

    Raises:
        Misused: something is named nowhere.
    """
    if "profile" not in data:
        raise _missing("profile", "which profile it has")
    if "canaries" not in data:
        raise _missing("accounts", "which accounts are known")
    profile = Profile.from_inventory(data["profile"])
    name = own.get("system") or only_system(profile)
    url = own.get("url") or address_of(name, data)
    if url is None:
        raise _missing("url", f"where `{name}` is")
    return at(host, data, profile, name, url, read_only=read_only)


def only_system(profile: Profile) -> str:
    """Return the one system that a profile describes.

    Raises:
        Misused: it describes several, and the command line names none.
    """
    if len(profile.names) == 1:
        return profile.names[0]
    why = f"`{profile.path}` describes {ticked(profile.names)}, and the command line names none"
    raise Misused(NONE_TRIED, why, f"handrail doctor … --system {profile.names[0]}")


def address_of(name: str, data: Data) -> str | None:
    """Return an inventory's address of a system: that of its own name, or of the new one."""
    known = data.get(f"{name}_url") or (data.get("web_url") if data.get("system") == name else None)
    return str(known) if known else None


def at(host: str, data: Data, profile: Profile, name: str, url: str, *, read_only: bool) -> Running:
    """Return an application of a host at an address."""
    is_new = data.get("system", name) == name
    return Running(
        about=f"{host}: {name} at {url}".removeprefix(": "),
        profile=profile,
        name=name,
        url=url,
        accounts=Accounts.from_inventory(data["canaries"]),
        channels_url=str(data.get("channels_url", "")) if is_new else "",
        frontend_url=str(data.get("frontend_url", "")) if is_new else "",
        browser=Browser.from_inventory(data["browser"]) if "browser" in data else None,
        read_only=read_only,
    )


def of_legacy(host: str, data: Data) -> Iterator[Line]:
    """Hold each system that runs before the night, `NAME_url`, against the profile; make nothing.

    Raises:
        ClientError: the profile cannot be read.
    """
    profile = Profile.from_inventory(data["profile"])
    for name in profile.names:
        if url := data.get(f"{name}_url"):
            yield from lines(at(host, data, profile, name, str(url), read_only=True))


def _missing(option: str, what: str) -> Misused:
    why = f"neither the command line nor an inventory says {what}"
    return Misused(NONE_TRIED, why, f"handrail doctor … --{option} …")

"""Credentials that stand in a remote's address, handed to git where no process list shows them.

Git gives the address of a remote to its helper as an argument, whatever is in it. So git is told,
by its environment, to take each such address without its credentials, and to ask a credential
helper of ours for them: a line of shell that knows the names of two variables only.

Source: https://git-scm.com/docs/git-config, url.<base>.insteadOf and credential.helper
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from urllib.parse import unquote

from handrail.clients import masking

NETWORK = {"clone", "fetch", "ls-remote", "pull", "push"}
# Up to the last `@`: a password that is not encoded may hold a slash, and another `@`.
USERINFO = re.compile(r"(?<=://)[^\s'\"]*@")
ADDRESS = re.compile(r"(https?://)([^\s'\"]*@)([^\s'\"/@]+)(.*)", re.DOTALL)
IS_ADDRESS = re.compile(r"^(\w[\w+.-]*://|[^/]+:|/)")
_HELPER = (
    '!f() {{ test "$1" = get && '
    'printf \'username=%s\\npassword=%s\\n\' "$GIT_USER_{n}" "$GIT_PASSWORD_{n}"; }}; f'
)


@dataclass(frozen=True)
class Address:
    """A remote's address with credentials in it, taken apart.

    Args:
        prefix: As it is written, up to the path.
        clean: The same without credentials.
        user: User name, or a token that stands in its place.
        password: Empty where there is none.
    """

    prefix: str
    clean: str
    user: str
    password: str


def address_of(text: str) -> Address | None:
    """Take an address apart; None where it holds no credentials."""
    found = ADDRESS.fullmatch(text)
    if found is None:
        return None
    scheme, userinfo, host, _ = found.groups()
    authority = userinfo.partition("/")[0]
    if "/" in userinfo and _is_whole(authority):
        # The `@` stands in the path: what comes before the first slash is the host, maybe with
        # credentials of its own.
        before, at, host = authority.rpartition("@")
        userinfo = f"{before}{at}"
    if not (userinfo and host):
        return None
    user, _, password = userinfo.removesuffix("@").partition(":")
    return Address(f"{scheme}{userinfo}{host}", f"{scheme}{host}", unquote(user), unquote(password))


def _is_whole(authority: str) -> bool:
    """Tell a host from half a password: what follows its colon is a port then, or an `@` comes."""
    return "@" in authority or not re.search(r":.*\D", authority)


def without_credentials(arguments: Iterable[str]) -> list[str]:
    """Return a command line with the credentials taken out of its addresses."""
    cleaned = []
    for each in arguments:
        found = address_of(each)
        cleaned.append(found.clean + each.removeprefix(found.prefix) if found else each)
    return cleaned


def variables(texts: Iterable[str], also: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Return the environment in which git takes these addresses without their credentials.

    Args:
        texts: Addresses, and whatever else.
        also: Further settings of git, by key.
    """
    addresses = set(filter(None, map(address_of, texts)))
    settings, given = list(also), dict[str, str]()
    if addresses:  # nobody else is asked, and nobody is told them
        settings.append(("credential.helper", ""))
    for n, each in enumerate(sorted(addresses, key=attrgetter("prefix"))):
        masking.hide(each.password or each.user)
        settings.append((f"url.{each.clean}/.insteadOf", f"{each.prefix}/"))
        settings.append((f"credential.{each.clean}.helper", _HELPER.format(n=n)))
        given |= {f"GIT_USER_{n}": each.user, f"GIT_PASSWORD_{n}": each.password}
    return given | dict(_configuration(settings))


def _configuration(settings: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the variables that add settings to those of the environment."""
    there = os.environ.get("GIT_CONFIG_COUNT", "0")
    first = int(there) if there.isdecimal() else 0
    for place, (key, value) in enumerate(settings, start=first):
        yield f"GIT_CONFIG_KEY_{place}", key
        yield f"GIT_CONFIG_VALUE_{place}", value
    yield "GIT_CONFIG_COUNT", str(first + len(settings))

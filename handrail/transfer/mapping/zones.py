"""Time zones by the names of the IANA database, the only ones that say one thing everywhere.

PostgreSQL reads `+08:00`, `UTC+8` and `GMT+8` as POSIX does, where plus is west: 16 hours off for a
clock in Manila. And it takes `CET` for an offset that knows no summer time.
Source: https://www.postgresql.org/docs/current/datetime-posix-timezone-specs.html
"""

import datetime as dt
import difflib
import re
import zoneinfo
from functools import cache

from handrail.naming import ticked

OFFSET = re.compile(
    r"(?:(?:Etc/)?(?:UTC|GMT)|Z)?\s*([-+])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE
)
# Named first where several zones have the offset that was written.
BIG = (
    "Asia/Manila", "Asia/Singapore", "Asia/Tokyo", "Asia/Kolkata", "Asia/Dubai", "Europe/Berlin",
    "Europe/London", "Europe/Helsinki", "Europe/Moscow", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Australia/Sydney",
)  # fmt: skip
# What abbreviations are taken for; each is an offset to PostgreSQL, whatever the season.
MEANT = {
    "EST": "America/New_York", "EDT": "America/New_York", "EST5EDT": "America/New_York",
    "CST": "America/Chicago", "CDT": "America/Chicago", "CST6CDT": "America/Chicago",
    "MST": "America/Denver", "MDT": "America/Denver", "MST7MDT": "America/Denver",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PST8PDT": "America/Los_Angeles",
    "HST": "Pacific/Honolulu", "CET": "Europe/Berlin", "CEST": "Europe/Berlin",
    "MET": "Europe/Berlin", "EET": "Europe/Helsinki", "EEST": "Europe/Helsinki",
    "WET": "Europe/Lisbon", "BST": "Europe/London", "GB": "Europe/London", "MSK": "Europe/Moscow",
    "PHT": "Asia/Manila", "PHST": "Asia/Manila", "SGT": "Asia/Singapore", "JST": "Asia/Tokyo",
    "IST": "Asia/Kolkata", "ROK": "Asia/Seoul", "KST": "Asia/Seoul", "PRC": "Asia/Shanghai",
    "NZ": "Pacific/Auckland", "AEST": "Australia/Sydney", "Z": "UTC", "GMT": "UTC", "UCT": "UTC",
}  # fmt: skip


@cache
def known() -> frozenset[str]:
    """Return the names that are taken: of a place, as `Asia/Manila` or `Japan`, and `UTC`."""
    names = zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}
    return frozenset(filter(_is_place, names)) | {"UTC"}


def _is_place(name: str) -> bool:
    # `Etc/GMT+8` is west, too, and `EST5EDT` a rule of POSIX
    return ("/" in name or not name.isupper()) and not re.search(r"\d", name)


def advice(name: str) -> str | None:
    """Return what to write instead of a name that is no zone; None where it is one."""
    if name in known():
        return None
    if name.upper() in MEANT:
        return f"did you mean `{MEANT[name.upper()]}`? write the name of a place, or `UTC`"
    if (offset := OFFSET.fullmatch(name.strip())) is not None:
        return _instead_of(offset)
    like = _alike(name)
    hint = f"did you mean {ticked(like, ' or ')}? " if like else ""
    return f"{hint}write the name of a place as the IANA database has it, or `UTC`"


def _instead_of(offset: re.Match[str]) -> str:
    like = _at(offset)
    named = f", as {ticked(like, ' or ')}" if like else ""
    return f"an offset is not a zone, and PostgreSQL takes its sign for west; name the place{named}"


def _at(offset: re.Match[str]) -> list[str]:
    """Return zones that have an offset in January or in July, those of big cities first."""
    sign, hours, minutes = offset.groups()
    wanted = dt.timedelta(hours=int(hours), minutes=int(minutes or 0)) * int(f"{sign}1")
    if not wanted:
        return ["UTC"]
    return [name for name in BIG if wanted in _offsets(name)][:2]


def _offsets(name: str) -> set[dt.timedelta | None]:
    zone = zoneinfo.ZoneInfo(name)
    return {dt.datetime(2024, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)}


def _alike(name: str) -> list[str]:
    form, cities = name.strip().lower().replace(" ", "_"), _cities()
    if form in cities:
        return [cities[form]]
    names = {each.lower(): each for each in sorted(known())}
    return _close(form, names, 2) or _close(form.rpartition("/")[2], cities, 1)


def _cities() -> dict[str, str]:
    """Return zones by the last part of their names."""
    names = filter(lambda name: "Etc" not in name, sorted(known()))
    return {name.rpartition("/")[2].lower(): name for name in names}


def _close(form: str, zones: dict[str, str], most: int) -> list[str]:
    return [zones[each] for each in difflib.get_close_matches(form, zones, n=most, cutoff=0.8)]

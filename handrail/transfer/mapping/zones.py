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
    places = {name for name in names if "/" in name or not name.isupper()}
    # `Etc/GMT+8` is west, too, and `EST5EDT` a rule of POSIX
    return frozenset({name for name in places if not re.search(r"\d", name)} | {"UTC"})


def advice(name: str) -> str | None:
    """Return what to write instead of a name that is no zone; None where it is one."""
    if name in known():
        return None
    if name.upper() in MEANT:
        return f"did you mean `{MEANT[name.upper()]}`? write the name of a place, or `UTC`"
    if (offset := OFFSET.fullmatch(name.strip())) is not None:
        like = _at(offset)
        named = f", as {ticked(like, ' or ')}" if like else ""
        why = "an offset is not a zone, and PostgreSQL takes its sign for west"
        return f"{why}; name the place{named}"
    like = _alike(name)
    hint = f"did you mean {ticked(like, ' or ')}? " if like else ""
    return f"{hint}write the name of a place as the IANA database has it, or `UTC`"


def _at(offset: re.Match[str]) -> list[str]:
    """Return zones that have an offset in January or in July, those of big cities first."""
    sign, hours, minutes = offset.groups()
    wanted = dt.timedelta(hours=int(hours), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    if not wanted:
        return ["UTC"]
    return [name for name in BIG if wanted in _offsets(name)][:2]


def _offsets(name: str) -> set[dt.timedelta | None]:
    zone = zoneinfo.ZoneInfo(name)
    return {dt.datetime(2024, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)}


def _alike(name: str) -> list[str]:
    by_form = {each.lower(): each for each in sorted(known())}
    by_city = {
        each.rpartition("/")[2].lower(): each for each in sorted(known()) if "Etc" not in each
    }
    form = name.strip().lower().replace(" ", "_")
    if form in by_city:
        return [by_city[form]]
    close = difflib.get_close_matches(form, by_form, n=2, cutoff=0.8)
    return [by_form[each] for each in close] or [
        by_city[each]
        for each in difflib.get_close_matches(form.rpartition("/")[2], by_city, n=1, cutoff=0.8)
    ]

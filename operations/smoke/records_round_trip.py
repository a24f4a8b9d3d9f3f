"""Tasks 6.1 and 12: records are listed, read, made, changed and deleted."""

from itertools import filterfalse
from typing import Any

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app import records as looked_at
from handrail.clients.app.profile import Absent
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import application, none_there, signed_in


@gate(fix="read the logs of the web service on Render, mend, then the same command again")
def records_round_trip(
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    tables: list[str] = FROM_TARGET,
) -> Finding:
    """Every table's records can be listed and read, and one can be made, changed and deleted."""
    app = application(web_url, profile, system)
    records = app.system.records
    if isinstance(records, Absent):
        return none_there(records, "way to its records")
    if unknown := next(filterfalse(records.tables.__contains__, tables), ""):
        return fails(f"`{profile.path}` says nothing of table `{unknown}`")
    http, _ = signed_in(app, canaries)
    has_none = set(looked_at.hidden(records)).__contains__
    if unread := looked_at.unread(http, records, filterfalse(has_none, tables)):
        return fails("; ".join(f"`{table}`: {why}" for table, why in unread.items()))
    hidden = list(filter(has_none, tables))
    told: dict[str, Any] = {"without_records": hidden} if hidden else {}  # Any: facts
    if isinstance(records.sample, Absent):
        return holds(f"no record is made: {records.sample.absent}", **told)
    changed = looked_at.changed(app, http, records, records.sample)
    return fails(changed.wrong) if changed.wrong else holds(**told)

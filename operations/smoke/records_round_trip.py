"""Tasks 6.1 and 12: records are listed, read, made, changed and deleted."""

import secrets
from typing import Any

from handrail.clients.accounts import Accounts
from handrail.clients.app import Application, Profile
from handrail.clients.app.application import answered, filled, found, object_of
from handrail.clients.app.profile import Absent, Records, Sample
from handrail.clients.http import Answer, Http
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import OK, application, none_there, signed_in


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
    http, _ = signed_in(app, canaries)
    hidden = []
    for table in tables:
        path = records.tables.get(table)
        if path is None:
            return fails(f"`{profile.path}` says nothing of table `{table}`")
        if isinstance(path, Absent):
            hidden.append(table)
        elif why := unread(http, records, table, path):
            return fails(why)
    return changed_and_deleted(app, http, records, hidden)


def unread(http: Http, records: Records, table: str, path: str) -> str:
    """Return why records of a table cannot be listed or read, or nothing."""
    page = records.page
    answer = http.get(path, params=page.query)
    read = object_of if page.rows else Answer.json
    body = read(answer) if answer.status == OK else None
    rows = found(body, page.rows)
    if not isinstance(rows, list) or any(found(body, each) is None for each in page.has):
        return f"the list of `{table}` is answered {answer.status} without a page"
    if not rows:
        return ""
    identity = found(rows[0], records.id)
    if identity is None:
        return f"a record of `{table}` has no `{records.id}`"
    one = http.get(filled(records.one, {"path": path, "id": identity}))
    return "" if one.status == OK else f"one record of `{table}` is answered {one.status}"


def changed_and_deleted(
    app: Application, http: Http, records: Records, hidden: list[str]
) -> Finding:
    """Make, change and delete one record; nothing of it stays."""
    told: dict[str, Any] = {"without_records": hidden} if hidden else {}  # Any: facts
    sample = records.sample
    if isinstance(sample, Absent):
        return holds(f"no record is made: {sample.absent}", **told)
    path = records.tables.get(sample.table)
    if not isinstance(path, str):
        return fails(f"the sample's table `{sample.table}` has no path in the profile")
    word = {"word": f"Cutover check {secrets.token_hex(4)}"}
    made = http.post(path, body=filled(sample.body, word))
    if made.status not in sample.made:
        return fails(f"a record could not be made: {made.status} {app.message(made)}")
    identity = answered(made, ".".join(filter(None, (records.record, records.id))))
    one = filled(records.one, {"path": path, "id": identity})
    try:
        why = unchanged(http, records, sample, one, word)
    finally:
        deleted = http.request("DELETE", one)
    if why:
        return fails(why)
    if deleted.status not in sample.deleted or http.get(one).status not in sample.gone:
        return fails(f"a record was not deleted: {deleted.status}")
    return holds(**told)


def unchanged(http: Http, records: Records, sample: Sample, one: str, word: dict[str, str]) -> str:
    """Return why a record was not changed, or nothing."""
    change = filled(sample.change, word)
    changed = http.request(sample.change_method, one, body=change)
    if changed.status not in sample.changed:
        return f"a record was not changed: {changed.status}"
    read = found(http.get(one).json(), records.record)
    same = isinstance(read, dict) and all(read.get(key) == each for key, each in change.items())
    return "" if same else "a record that was changed reads as before"

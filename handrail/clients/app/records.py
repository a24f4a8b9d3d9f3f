"""Whether records are listed and read, and can be made, changed and deleted."""

import secrets
from collections.abc import Iterable

from handrail.clients.app.application import Application, answered, object_of
from handrail.clients.app.profile import Absent, Page, Records, Sample
from handrail.clients.app.seen import Seen, shape, status
from handrail.clients.http import Answer, Http
from handrail.clients.places import filled, found, is_there
from handrail.naming import ticked

OK = 200


def unread(http: Http, records: Records, tables: Iterable[str]) -> dict[str, str]:
    """Return, by table, why its records cannot be listed or read; good ones are left out.

    Args:
        http: A client that carries a token.
        records: Where they are.
        tables: Tables whose path the profile has.

    Raises:
        ClientError: something else answers.
    """
    told = {table: _unread(http, records, str(records.tables[table])) for table in tables}
    return {table: why for table, why in told.items() if why}


def _unread(http: Http, records: Records, path: str) -> str:
    answer = http.get(path, params=records.page.query)
    if answer.status != OK:
        return f"{path} answers {status(answer)}"
    page = records.page
    body = object_of(answer) if page.rows else answer.json()
    if lacking := _lacking(page, body):
        return f"{path} answers without a page: no {lacking} in {shape(answer)}"
    rows = found(body, page.rows)
    return _one_unread(http, records, path, rows[0]) if rows else ""


def _lacking(page: Page, body: object) -> str:
    """Return what a page of records does not have, for the middle of a sentence; or nothing."""
    if not isinstance(found(body, page.rows), list):
        return f"list at `{page.rows}`" if page.rows else "list"
    return ticked(each for each in page.has if not is_there(body, each))


def _one_unread(http: Http, records: Records, path: str, row: object) -> str:
    identity = found(row, records.id)
    if identity is None:
        return f"a record of {path} has no `{records.id}`"
    one = filled(records.one, {"path": path, "id": identity})
    answer = http.get(one)
    if answer.status != OK:
        return f"one record, {records.one.replace('{path}', path)}, answers {status(answer)}"
    if not isinstance(found(answer.json(), records.record), dict):
        return f"one record of {path} has nothing at `{records.record}` in {shape(answer)}"
    return ""


def changed(app: Application, http: Http, records: Records, sample: Sample) -> Seen:
    """Make, change and delete one record; nothing of it stays."""
    path = records.tables.get(sample.table)
    if not isinstance(path, str):
        return Seen(f"the sample's table `{sample.table}` has no path in the profile")
    word = {"word": f"Cutover check {secrets.token_hex(4)}"}
    made = http.post(path, body=filled(sample.body, word))
    if made.status not in sample.made:
        return Seen(f"a record could not be made: {status(made)} {app.message(made)}".rstrip())
    identity = answered(made, ".".join(filter(None, (records.record, records.id))))
    one = filled(records.one, {"path": path, "id": identity})
    try:
        why = _unchanged(http, records, sample, one, word)
    finally:
        deleted = http.request("DELETE", one)
    return Seen(why or _undeleted(http, sample, one, deleted))


def _undeleted(http: Http, sample: Sample, one: str, deleted: Answer) -> str:
    """Return why a record was not deleted, or nothing."""
    if deleted.status not in sample.deleted:
        return f"a record was not deleted: {status(deleted)}"
    gone = http.get(one)
    if gone.status not in sample.gone:
        return f"a record that was deleted is answered {status(gone)}"
    return ""


def _unchanged(http: Http, records: Records, sample: Sample, one: str, word: dict[str, str]) -> str:
    """Return why a record was not changed, or nothing."""
    change = filled(sample.change, word)
    changing = http.request(sample.change_method, one, body=change)
    if changing.status not in sample.changed:
        return f"a record was not changed: {status(changing)}"
    read = found(http.get(one).json(), records.record)
    same = isinstance(read, dict) and all(read.get(key) == each for key, each in change.items())
    return "" if same else "a record that was changed reads as before"


def hidden(records: Records) -> list[str]:
    """Return the tables that the profile calls absent."""
    return [table for table, path in records.tables.items() if isinstance(path, Absent)]

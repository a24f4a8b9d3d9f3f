"""What `handrail doctor` asks, found in an inventory by the names of its data.

A key that is, or ends with, ``database`` names a PostgreSQL database, as do ``source`` and
``destination``; ``redis`` a Redis, ``render`` a workspace, ``repository`` a clone, ``alerts`` a
webhook, ``_service`` a service that exists, ``service_source`` what services are built from,
``directory`` where backups go, ``profile`` an application's, ``canaries`` its known accounts,
``browser`` a Chromium, ``third_parties`` what the application's secrets open there.
``secrets_expire`` says on which days secrets end, ``terraform_held`` who holds terraform for a
while.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from handrail.cli import trial
from handrail.cli.inventory_data import hosts_of, ledger_of
from handrail.clients import redis
from handrail.clients.alerts import Webhook
from handrail.clients.browser import Browser
from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.postgres import Database
from handrail.clients.ready import database as databases
from handrail.clients.ready import expiry, machine, outside, rights, rulers, secrets
from handrail.clients.ready.claim import Line, NotReady, ask
from handrail.clients.ready.clock import http_clock_agrees
from handrail.clients.ready.third_parties import takes_secret
from handrail.clients.render import Render
from handrail.clients.secret import Secret, is_reference
from handrail.ledger.views import distance
from handrail.transfer.session import programs

BACKUPS = 2  # of each database: one for the way back, one that its proof restores
Data = Mapping[str, Any]  # Any: what an inventory holds


def of_machine() -> Iterator[Line]:
    """Ask this machine."""
    about = "this machine"
    yield ask(about, "Python is new enough", machine.python)
    yield ask(about, "git is new enough", machine.git)
    yield ask(about, "flock is there", machine.flock)
    for name in ("psql", "pg_dump", "pg_restore"):
        yield ask(about, f"{name} is there", partial(_program, name))
    yield ask(about, "node is there where it is needed", machine.node)
    yield ask(about, "There is room on its disk", partial(machine.disk, Path()))
    yield ask(about, "Its clock is not behind", machine.clock)


def of_inventory(path: str, *, trial_alert: bool = True) -> list[Line]:
    """Ask everything that the hosts of an inventory name, each thing once.

    Args:
        path: Its file.
        trial_alert: Send one to the webhook of alerts, too.

    Raises:
        Misused: it is no inventory, or has no hosts.
    """
    hosts = hosts_of(path)
    lines = list(_of_secrets(hosts.values()))
    seen: set[str] = set()
    ways: dict[str, float] = {}
    for host, data in hosts.items():
        for key in _unseen(data, seen):
            if trial_alert or key != "alerts":
                lines += _lines(host, key, data, ways)
        lines += chain(_room(host, data), _third_parties(host, data), _application(host, data))
    _note_ways(path, next(iter(hosts.values())), ways)
    return lines


def _unseen(data: Data, seen: set[str]) -> list[str]:
    """Return the keys of a host's data that were not asked of another host; note them as asked."""
    named = {f"{key}={value!r}": key for key, value in data.items()}
    keys = [key for said, key in named.items() if said not in seen]
    seen |= named.keys()
    return keys


def _of_secrets(hosts: Collection[Data]) -> Iterator[Line]:
    """Ask whether each secret is there, and whether those that end last past the night."""
    named = dict.fromkeys(chain.from_iterable(map(secrets.named, hosts)))
    for key, reference in named:
        claim = f"`{reference}` is there and of its form"
        yield ask("secrets", claim, partial(secrets.is_there, key, reference))
    ends = (expiry.said(data.get("secrets_expire")) for data in hosts)
    for name, day in sorted(set(chain.from_iterable(ends))):
        claim = f"`{name}` lasts past the night"
        yield ask("secrets", claim, partial(expiry.lasts_as_said, name, day))


def _note_ways(path: str, said: Data, ways: Mapping[str, float]) -> None:
    """Note how far the databases are from here, beside the ledger that the inventory has."""
    if ways and said.keys() & {"ledger", "environment"}:
        distance.note(ledger_of(path, said), ways)


def _lines(host: str, key: str, data: Data, ways: dict[str, float]) -> Iterator[Line]:
    about, value = f"{host}: {key}", data[key]
    if _is_database(key, value):
        yield from _of_database(about, value, data, ways)
    elif key in CLAIMS:
        for claim, look in CLAIMS[key]:
            yield ask(about, claim, partial(look, value))
    elif key == "repository" and isinstance(value, Mapping):
        repository = Repository.from_inventory(value)
        yield ask(about, "Its clone may push", lambda: outside.clone_may_push(repository))
        yield ask(about, "No terraform undoes what is done on Render",
                  lambda: rulers.terraform(repository, data.get("terraform_held")))  # fmt: skip
    elif "render" in data:
        yield from _of_workspace(about, key, value, data["render"])


def _third_parties(host: str, data: Data) -> Iterator[Line]:
    """Ask each third party with the variables that a host's application is given, if any."""
    variables = _variables_of(data)
    for name, entry in data.get("third_parties", {}).items() if variables else ():
        look = partial(takes_secret, name, entry, variables)
        yield ask(f"{host}: {name}", "It takes the application's secret", look)


def _variables_of(data: Data) -> dict[str, str]:
    """Return the variables that a host's application is given, of all of its services."""
    given = (each for key, each in data.items() if key.endswith("_variables"))
    return dict(chain.from_iterable(each.items() for each in given if isinstance(each, Mapping)))


def _of_workspace(
    about: str,
    key: str,
    value: Any,  # Any: as in Data
    render: Any,  # Any: as in Data
) -> Iterator[Line]:
    """Ask what only the workspace on Render can tell of a host's data."""
    if key == "service_source" and isinstance(value, Mapping):
        workspace = Render.from_inventory(render)
        yield ask(about, "What a Blueprint may undo is known",
                  lambda: rulers.blueprints(workspace, value["repo"]))  # fmt: skip
    elif key.endswith("_service") and isinstance(value, str):
        yield ask(about, f"Render has `{value}`",
                  lambda: outside.service_exists(Render.from_inventory(render), value))  # fmt: skip


def _is_database(key: str, value: object) -> bool:
    return key.endswith("database") or (key in {"source", "destination"} and is_reference(value))


def _of_database(about: str, value: object, data: Data, ways: dict[str, float]) -> Iterator[Line]:
    try:
        database = Database.from_inventory(value)
    except ClientError as error:
        yield ask(about, "It is named", partial(_refuse, error))
        return
    standing, lines = databases.lines(about, database, let_be=data.get("sessions_let_be") or {})
    yield from lines
    if "render" in data:
        yield ask(about, "Its host could restore it", lambda: outside.database_is_restorable(
            Render.from_inventory(data["render"]), database))  # fmt: skip
    if standing is not None:
        ways[about] = standing.round_trip_seconds
        yield ask(about, "Client programs fit its server", partial(_fitting, standing.version))


def _room(host: str, data: Data) -> Iterator[Line]:
    """Ask whether the backups of a host's databases have room, as far as their size is told."""
    if "directory" not in data:
        return
    size = 0
    for key, value in data.items():
        if _is_database(key, value):
            try:
                size += databases.look(Database.from_inventory(value)).size_bytes
            except ClientError:
                continue  # told above
    place = Path(str(data["directory"]))
    needed = max(BACKUPS * size, machine.FREE_BYTES)
    yield ask(f"{host}: directory", "There is room for two backups",
              partial(machine.disk, place, needed))  # fmt: skip


def _application(host: str, data: Data) -> Iterator[Line]:
    """Hold the legacy application against its profile, where a host has both."""
    if "profile" not in data or "canaries" not in data:
        return
    try:
        yield from trial.of_legacy(host, data)
    except ClientError as error:
        yield ask(f"{host}: profile", "It can be read", partial(_refuse, error))


def _program(name: str) -> str:
    """Return the version of one of PostgreSQL's programs."""
    for place in programs.directories():
        if found := machine.version_of(str(place / name)):
            return found
    raise NotReady(f"{name} was not found", "it is not on PATH", "apt install postgresql-client")


def _fitting(version: int) -> str:
    try:
        return str(programs.find(version))
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None


def _answers(value: object) -> str:
    try:
        return f"in {redis.ping(Secret.from_inventory(value)) * 1000:.0f} ms"
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None


def _browser(value: object) -> str:
    try:
        browser = Browser.from_inventory(value)
        return browser.absent or browser.version()
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None


def _refuse(error: ClientError) -> str:
    raise NotReady(error.what, error.why, error.fix)


# What is asked of a host's data by its key alone. Any: as in Data.
CLAIMS: Mapping[str, Sequence[tuple[str, Callable[[Any], str]]]] = {
    "redis": [("It answers", _answers)],
    "render": [
        (
            "Its key sees the workspace",
            lambda value: outside.key_reads_services(Render.from_inventory(value)),
        ),
        (
            "Its key may change services",
            lambda value: rights.key_may_change_services(Render.from_inventory(value)),
        ),
        ("Its clock agrees", lambda value: http_clock_agrees(f"{value['api']}/users")),
    ],
    "alerts": [
        ("An alert arrives", lambda value: outside.alert_arrives(Webhook.from_inventory(value)))
    ],
    "browser": [("It can be driven", _browser)],
}

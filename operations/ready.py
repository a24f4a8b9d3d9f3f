"""Gates before the night: what would stop it after the freeze is asked before it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from handrail.clients.alerts import Webhook
from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.postgres import Database
from handrail.clients.ready import database, machine, outside, rights
from handrail.clients.ready.claim import Line, Told, ask
from handrail.clients.ready.clock import http_clock_agrees
from handrail.clients.ready.third_parties import takes_secret
from handrail.clients.render import Render
from handrail.clients.render.databases import instance_of
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds
from handrail.transfer.session import programs

COPIES = 2  # of each database: its backup, and as much to spare for the export and the way back


@gate(fix="handrail doctor INVENTORY, and mend what it names")
def databases_allow_it(
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    render: Render = FROM_TARGET,
    directory: str = FROM_TARGET,
    sessions_let_be: Mapping[str, str] | None = None,
) -> Finding:
    """Both databases, their servers and the disk here allow what the night asks of them.

    Their role owns each, may create one and end the application's sessions; connections are left,
    the line is encrypted, clocks agree, PostgreSQL's programs fit, and two backups have room. Of
    one on Render, Render itself keeps something that it could be restored from.

    Args:
        source: The legacy database.
        destination: Django's.
        render: The workspace.
        directory: Where backups go.
        sessions_let_be: Roles whose sessions may stay, as a provider's monitoring: reason by role.
    """
    lines, size, versions = [], 0, []
    for name, each in (("the legacy database", source), ("the Django database", destination)):
        seen, told = database.lines(name, each, let_be=sessions_let_be or {})
        lines += [*told, *_of_render(render, name, each)]
        if seen is not None:
            size += seen.size_bytes
            versions.append(seen.version)
    needed = max(COPIES * size, machine.FREE_BYTES)
    lines.append(ask("this machine", "Two backups have room",
                     lambda: machine.disk(Path(directory), needed)))  # fmt: skip
    try:
        found = {version: str(programs.find(version)) for version in versions}
    except ClientError as error:
        return fails(f"{error.what}: {error.why}", error.fix)
    return _finding(lines, programs=sorted(set(found.values())), size_bytes=size)


@gate(fix="handrail doctor INVENTORY, and mend what it names")
def outside_answers(
    render: Render = FROM_TARGET,
    repository: Repository = FROM_TARGET,
    alerts: Webhook = FROM_TARGET,
    third_parties: Mapping[str, Mapping[str, str]] | None = None,
    cloudinary_variables: Mapping[str, str] | None = None,
) -> Finding:
    """Render's key, the repository's remote, third parties and alerts do what the night needs.

    A wrong secret of a third party would show after the freeze else: to try it through Django, rows
    would be written there while they are still moved. The webhook gets an alert that says it is a
    trial; nothing else is sent anywhere.

    Args:
        render: The workspace.
        repository: The working clone.
        alerts: Where alerts go.
        third_parties: By name, what only the application's secret for it opens.
        cloudinary_variables: Variables that the application is given for them.
    """
    variables = cloudinary_variables or {}
    return _finding([
        ask("Render", "Its key sees the workspace", lambda: outside.key_reads_services(render)),
        ask("Render", "Its key may change", lambda: rights.key_may_change_services(render)),
        ask("Render", "Its clock agrees", lambda: http_clock_agrees(f"{render.api}/users")),
        ask("the repository", "Its clone may push", lambda: outside.clone_may_push(repository)),
        ask("alerts", "They arrive", lambda: outside.alert_arrives(alerts)),
        *(ask(name, "It takes its secret", partial(takes_secret, name, entry, variables))
          for name, entry in (third_parties or {}).items()),
    ])  # fmt: skip


def _of_render(render: Render, name: str, held: Database) -> Iterator[Line]:
    """Ask Render of a database that it runs."""
    if instance_of(held.host):
        restored = partial(outside.database_is_restorable, render, held)
        yield ask(name, "Render could restore it", restored)


def _finding(lines: Sequence[Line], **facts: Any) -> Finding:  # Any: JSON
    """Return one answer for all; the first fix is named, for it is the next thing to do.

    Raises:
        ClientError: something could not be looked at, so nobody can say that all is well.
    """
    bad = [line for line in lines if line.told is not Told.GOOD]
    if not bad:
        return holds(**facts)
    why = "; ".join(f"{line.about}: {line.found}" for line in bad)
    if Told.NOT_TOLD in map(attrgetter("told"), bad):
        raise ClientError("not everything could be looked at", why, bad[0].fix)
    return fails(why, bad[0].fix)

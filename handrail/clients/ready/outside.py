"""Whether services, repository and people outside can be reached as a night needs them."""

from datetime import UTC, datetime

from handrail.clients.alerts import Webhook
from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.postgres import Database
from handrail.clients.ready.claim import NotReady
from handrail.clients.render import Render
from handrail.clients.render.databases import instance_of


def key_reads_services(render: Render) -> str:
    """Return how many services the key of a Render workspace sees.

    Raises:
        NotReady: the key is refused, or the workspace is not one it sees.
    """
    try:
        found = sum(1 for _ in render.pages("/services", "service", "services were not listed",
                                            params={"ownerId": render.owner}))  # fmt: skip
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None
    return f"it sees {found} services of `{render.owner}`"


def service_exists(render: Render, name: str) -> str:
    """Return where a service stands, and that its variables can be read.

    Raises:
        NotReady: there is none of that name, or its variables are withheld from the key.
    """
    try:
        service = render.service(name)
        variables = render.env_vars(service.id)
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None
    return f"`{service.id}`, {len(variables)} variables"


def clone_may_push(repository: Repository) -> str:
    """Push nothing, in earnest: the remote is asked as for a push, and sent no commit.

    Raises:
        NotReady: the branch cannot be read, or the remote does not take a push.
    """
    shown, branch = repository.shown, repository.branch
    try:
        head = repository.head()
        what = f"`{shown}` takes no push of `{branch}`"
        repository.push(what, f"{head}:refs/heads/{branch}", "--dry-run")
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None
    return f"`{shown}` would take a push of `{branch}`"


def alert_arrives(webhook: Webhook) -> str:
    """Send an alert that says it is a trial.

    Raises:
        NotReady: it was not taken.
    """
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        webhook.send({"text": f"handrail: a trial alert, nothing is wrong ({moment})"})
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None
    return "a trial alert was taken"


def database_is_restorable(render: Render, database: Database) -> str:
    """Return what Render could restore a database from, were our own backup to fail.

    Raises:
        NotReady: from nothing.
        ClientError: Render could not be asked.
    """
    instance = instance_of(database.host)
    if instance is None:
        return "not on Render: its own host has to know"
    found = render.restorable(instance)
    if found is None:
        raise NotReady(
            f"Render could restore `{instance}` from nothing",
            "it has no point-in-time recovery, and no export of the last day",
            f"make an export at https://dashboard.render.com/d/{instance}/recovery, or take a plan "
            "that has recovery, then the same command again",
        )
    return found

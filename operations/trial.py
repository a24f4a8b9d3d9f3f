"""Task 13.2: the way back is walked in staging, against the clock, before anyone needs it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handrail.clients import private_folder
from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.errors import ClientError
from handrail.clients.render import Deploy, Render
from handrail.clients.site import script
from handrail.engine import FROM_RUN, FROM_TARGET, Commands, Finding, call, fails, holds, say, step

from .applications import application
from .evidence import move_aside
from .services import DEPLOYS
from .site import bring_back, site_exists, site_is_gone, what_is_served
from .waiting import Waiting


def way_back_is_quick(
    render: Render,
    frontend_service: str,
    directory: str,
    run: str,
    max_minutes: int,
    frontend_url: str,
    web_url: str,
) -> Finding:
    """The trial of this run was quick, of the site's newest build, which is served again."""
    path = evidence(directory, run)
    if not path.exists():
        return fails("it was not tried in this run")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    seconds, tried = recorded["seconds"], recorded.get("deploy")
    if tried is not None and not is_newest(render, frontend_service, tried):
        return fails(f"it was tried of deploy `{tried}`; the site was built anew since")
    if seconds > max_minutes * 60:
        return fails(f"it took {seconds} s, more than {max_minutes} min")
    if web_url not in script(frontend_url):
        return fails(f"the site at {frontend_url} does not name {web_url}")
    return holds(seconds=seconds)


def is_newest(render: Render, frontend_service: str, deploy: str) -> bool:
    """Tell whether a deploy is the newest that succeeded."""
    return [each.id for each in succeeded(render, frontend_service)[:1]] == [deploy]


def record_and_site(
    render: Render, frontend_service: str, frontend_url: str, directory: str, run: str
) -> dict[str, Any]:
    """Return whether this run has a record of a trial, and what the site serves.

    A whole trial leaves the site as it was; one that was interrupted may not.
    """
    return {
        "recorded": evidence(directory, run).exists(),
        "served": what_is_served(render, frontend_service, frontend_url),
    }


def set_aside(
    render: Render,
    frontend_service: str,
    frontend_url: str,
    directory: str,
    run: str,
    before: dict[str, Any],
    waiting: Waiting,
) -> None:
    """Move the record aside, for another way back has to be tried; let the site serve as before."""
    move_aside(evidence(directory, run))
    bring_back(render, frontend_service, frontend_url, before["served"], waiting)


@step(
    requires=[site_exists],
    captures=record_and_site,
    ensures=way_back_is_quick,
    rollback=set_aside,
    rollback_name="Move the report of the trial aside; it is kept",
    gone=site_is_gone,
    idempotent=True,
)
def switch_back(
    *,
    render: Render = FROM_TARGET,
    frontend_service: str = FROM_TARGET,
    frontend_url: str = FROM_TARGET,
    legacy_url: str = FROM_TARGET,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    max_minutes: int,
    directory: str = FROM_TARGET,
    waiting: Waiting = FROM_TARGET,
    run: str = FROM_RUN,
) -> Commands:
    """Switch the site back to the legacy backend and forth again, timed.

    The clock runs from the decision until a known account has signed in on the legacy side.

    Args:
        render: The workspace.
        frontend_service: Name of the static site.
        frontend_url: Its public address.
        legacy_url: The legacy backend's.
        web_url: The new backend's.
        profile: What the application looks like.
        system: What the profile calls the legacy system.
        canaries: Accounts whose passwords are known.
        max_minutes: Longest time the way back may take.
        directory: Where the record is kept, in a folder of the run.
        waiting: Longest wait for a deploy, and the pause between two looks.
        run: The run.

    Raises:
        ClientError: Render has no earlier deploy to go back to, or an account cannot sign in.

    Source: https://render.com/docs/rollbacks
    """
    built = succeeded(render, frontend_service)
    began = datetime.now(UTC)
    yield call(switch, render, frontend_service, frontend_url, built[1:], legacy_url, waiting)
    yield call(sign_in, legacy_url, profile, system, canaries)
    yield call(record, evidence(directory, run), began, [each.id for each in built[:1]])
    yield call(switch, render, frontend_service, frontend_url, built[:1], web_url, waiting)


def switch(
    render: Render,
    service: str,
    url: str,
    candidates: list[Deploy],
    wanted: str,
    waiting: Waiting,
) -> None:
    """Bring back the newest of some deploys whose script names an address."""
    identity = render.service(service).id
    for deploy in candidates:
        if wanted in script(url):
            break
        started = render.rollback(identity, deploy.id)
        render.wait_for_deploy(identity, started.id, *waiting)
    if wanted not in script(url):
        raise ClientError(
            f"`{service}` was not switched to {wanted}",
            f"none of its {len(candidates)} earlier deploys names that address",
            "see the deploys of the service on Render",
        )
    say(f"{url} now uses {wanted}")


def sign_in(legacy_url: str, profile: Profile, system: str, canaries: Accounts) -> None:
    """Sign in with each known account."""
    app = application(legacy_url, profile, system)
    for account in canaries.load():
        app.sign_in(account)


def record(path: Path, began: datetime, tried: list[str]) -> None:
    """Keep how long the way back took, and which deploy it led away from."""
    seconds = round((datetime.now(UTC) - began).total_seconds(), 1)
    told = {"began": began.isoformat(), "seconds": seconds, "deploy": next(iter(tried), None)}
    private_folder.write(path, json.dumps(told))
    say(f"the way back took {seconds} s")


def succeeded(render: Render, service: str) -> list[Deploy]:
    """Return the deploys that were built and served, newest first; a rollback only reuses one."""
    deploys = render.deploys(render.service(service).id, DEPLOYS)
    return [deploy for deploy in deploys if deploy.trigger != "rollback" and deploy.succeeded]


def evidence(directory: str, run: str) -> Path:
    """Return where the trial of a run is recorded."""
    return Path(directory) / run / "rollback-drill.json"  # as it was named when it was a drill

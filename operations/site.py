"""Claims, reads and undo clauses of a static site: what browsers get from it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.render import Render, Service
from handrail.clients.site import script
from handrail.engine import Finding, check, holds_if

from .services import DEPLOYS, cancel_coming, commit_of, deleted, ended
from .waiting import Waiting


@check(fix="create the static site on Render, or correct `frontend_service` in the inventory")
def site_exists(render: Render, frontend_service: str) -> Finding:
    """The static site exists on Render."""
    found = render.find_service(frontend_service)
    return holds_if(found, f"Render has no `{frontend_service}`")


def what_is_served(render: Render, service: str, url: str) -> dict[str, str | None]:
    """Return what a site serves: commit and digest of its script, and a commit on its way."""
    found = render.find_service(service)
    if found is None:
        return {"commit": None, "coming": None, "script_sha256": None}
    live, coming = render.live_deploy(found.id), render.deploy_in_progress(found.id)
    return {
        "commit": commit_of(live),
        "coming": commit_of(coming),
        "script_sha256": digest_of_script(url),
    }


def site_is_gone(
    render: Render, frontend_service: str, before: Mapping[str, Any]
) -> dict[str, str]:
    """Return what of a snapshot of a site is gone for good: all of it, or somebody's deploy."""
    served = before["served"]
    lost = deleted(render, {frontend_service: served})
    gone = {key: lost[frontend_service] for key in before if lost and key != "recorded"}
    return gone or ended(render, {frontend_service: served["coming"]})


def bring_back(
    render: Render,
    service: str,
    url: str,
    before: dict[str, str | None],
    waiting: Waiting,
) -> None:
    """Let a site serve what it served before, from the build it had then.

    A deploy that is still on its way would go live after that, so it is cancelled first.

    Raises:
        ClientError: no earlier deploy serves that script.
    """
    found = render.find_service(service)
    if found is None:
        return
    cancel_coming(render, found)
    if not _is_back(render, found, url, before, waiting):
        raise ClientError(
            f"`{service}` was not brought back",
            f"none of its last {DEPLOYS} deploys serves what browsers got before",
            f"pick one at {found.dashboard_url}, then the same command again",
        )


def _is_back(
    render: Render, site: Service, url: str, before: dict[str, str | None], waiting: Waiting
) -> bool:
    """Roll a site back to each deploy that may be it, until browsers get what they got before."""
    for deploy in render.deploys(site.id, DEPLOYS):
        if digest_of_script(url) == before["script_sha256"]:
            return True
        if deploy.status == "deactivated" and deploy.commit == before["commit"]:
            started = render.rollback(site.id, deploy.id)
            render.wait_for_deploy(site.id, started.id, *waiting)
    return digest_of_script(url) == before["script_sha256"]


def digest_of_script(url: str) -> str:
    """Return what identifies the script that browsers get from a site."""
    return hashlib.sha256(script(url).encode()).hexdigest()

"""Whether the person whose key it is may change what a night changes on Render."""

from typing import Any
from urllib.parse import quote

from handrail.clients.errors import ClientError
from handrail.clients.ready.claim import NotReady
from handrail.clients.render import Render

CHANGING = {"ADMIN", "DEVELOPER"}
FIX = "let an admin of the workspace give that person the role Developer, or use another key"


def key_may_change_services(render: Render) -> str:
    """Return by which role the owner of a key may make, change, deploy and suspend services.

    Nothing is written: a key may do what the role of its person in the workspace may.

    Raises:
        NotReady: the role only looks, pays, or contributes; or the person is no active member.
        ClientError: Render could not be asked, or answered in another form.

    Source: https://render.com/docs/team-members and
        https://api-docs.render.com/reference/retrieve-owner-members
    """
    owner = f"/owners/{quote(render.owner, safe='')}"
    email = str(_one(render, "/users").get("email") or "")
    if _one(render, owner).get("type") == "user":
        return f"the workspace is that of {email} alone"
    mine = _of(_answer(render, f"{owner}/members"), email)
    role = str(mine.get("role") or "none")
    if why := _refused(mine, role):
        raise NotReady(f"the key of {email} may not change `{render.owner}`", why, FIX)
    return f"{email} is {role} of `{render.owner}`"


def _of(members: object, email: str) -> dict[str, Any]:  # Any: JSON
    """Return the member who has an address; empty where nobody has it."""
    listed = members if isinstance(members, list) else []
    found = (each for each in listed if isinstance(each, dict) and _is(each, email))
    return next(found, {})


def _refused(member: dict[str, Any], role: str) -> str:  # Any: JSON
    """Return why a member may change nothing, or nothing."""
    if not member:
        return "none of its members has that address"
    if member.get("status") != "active":
        return f"the membership is {member.get('status')}"
    return "" if role.upper() in CHANGING else f"the role is {role}, which changes no services"


def _is(member: dict[str, Any], email: str) -> bool:  # Any: JSON
    return str(member.get("email") or "").casefold() == email.casefold() != ""


def _one(render: Render, path: str) -> dict[str, Any]:  # Any: JSON
    found = _answer(render, path)
    if not isinstance(found, dict):
        why = f"`{path}` answered no object"
        raise ClientError("whose key it is was not read", why, "see whether `api` is right")
    return found


def _answer(render: Render, path: str) -> object:
    what = f"what the key may do in `{render.owner}` was not read"
    found: object = render.ask("GET", path, what).json()
    return found

"""Blueprints: whether a push makes and changes services by itself.

Source: https://api-docs.render.com/reference/list-blueprints
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from handrail.clients.errors import ClientError
from handrail.clients.render.api import RenderApi
from handrail.clients.render.model import not_understood

OK, GONE = 200, (404, 410)


@dataclass(frozen=True)
class Blueprint:
    """A repository's render.yaml that Render was told to follow.

    Args:
        id: ``exs-…``.
        name: As its people named it.
        repo: Address of the repository.
        branch: Branch that is followed.
        auto_sync: Whether a push changes services by itself.
    """

    id: str
    name: str
    repo: str
    branch: str
    auto_sync: bool

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read a Blueprint object.

        Raises:
            ClientError: it lacks a field that every Blueprint has.
        """
        try:
            return cls(
                id=data["id"],
                name=data["name"],
                repo=data["repo"],
                branch=data["branch"],
                auto_sync=data["autoSync"] is True,
            )
        except (KeyError, TypeError) as error:
            raise not_understood("Blueprint", error) from None


class BlueprintCalls(RenderApi):
    """Ask for Blueprints, and let them sync by themselves or not."""

    def blueprints(self, repo: str) -> list[Blueprint]:
        """Return the Blueprints of a repository, however its address is spelt.

        Raises:
            ClientError: refused.
        """
        what = "the Blueprints of the workspace could not be listed"
        listed = self.pages("/blueprints", "blueprint", what, params={"ownerId": self.owner})
        found = [Blueprint.from_api(data) for data in listed]
        return [each for each in found if same_repository(each.repo, repo)]

    def is_disconnected(self, blueprint_id: str) -> bool:
        """Tell whether a Blueprint is gone for good: Render knows none of that id any more.

        Raises:
            ClientError: refused.
        """
        what = f"Blueprint `{blueprint_id}` could not be looked up"
        path = f"/blueprints/{quote(blueprint_id, safe='')}"
        return self.ask("GET", path, what, statuses=(OK, *GONE)).status in GONE

    def set_auto_sync(self, blueprint_id: str, *, enabled: bool) -> None:
        """Let a Blueprint sync at each push, or not, and read it back.

        Raises:
            ClientError: refused, or it reads otherwise afterwards.
        """
        what = f"automatic sync of Blueprint `{blueprint_id}` could not be set to {enabled}"
        path = f"/blueprints/{quote(blueprint_id, safe='')}"
        self.ask("PATCH", path, what, body={"autoSync": enabled}, repeatable=True)

        def as_asked() -> bool:
            return Blueprint.from_api(self.ask("GET", path, what).json()).auto_sync is enabled

        if not self.settles(as_asked):
            raise ClientError(
                what,
                "Render accepted the change, and the Blueprint reads as before",
                "switch it by hand at https://dashboard.render.com/blueprints, then the same "
                "command again",
            )


def same_repository(one: str, other: str) -> bool:
    """Tell whether two addresses name one repository: https, ssh, with `.git` or without."""
    return _place(one) == _place(other)


def _place(address: str) -> str:
    """Return host and path of an address; of git@host:path, too."""
    text = re.sub(r"^[a-z+]+://", "", address.strip().lower())
    text = text.rpartition("@")[2].removesuffix("/").removesuffix(".git")
    return text if text.startswith("/") else text.replace(":", "/", 1)

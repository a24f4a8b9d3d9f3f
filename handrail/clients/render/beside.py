"""What stands beside a service's own variables: groups linked to it, secret files, domains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from handrail.clients.errors import ClientError
from handrail.clients.render.model import not_understood
from handrail.clients.render.services import LISTED_SECONDS, ServiceCalls


@dataclass(frozen=True)
class Group:
    """An environment group that is linked to a service.

    Args:
        id: ``evg-…``.
        name: Unique in its workspace.
        variables: Values that linked services have, where they have none of their own.
        files: Secret files, likewise.
    """

    id: str
    name: str
    variables: dict[str, str] = field(repr=False)
    files: dict[str, str] = field(repr=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read a group object.

        Raises:
            ClientError: it lacks a field that every group has.
        """
        try:
            return cls(
                id=data["id"],
                name=data["name"],
                variables={each["key"]: each["value"] for each in data["envVars"]},
                files={each["name"]: each["content"] for each in data["secretFiles"]},
            )
        except (KeyError, TypeError) as error:
            raise not_understood("environment group", error) from None


class BesideCalls(ServiceCalls):
    """Read what a service has that its own variables do not show."""

    def groups_of(self, service_id: str) -> list[Group]:
        """Return the groups linked to a service; a service's own value ranks above theirs.

        Raises:
            ClientError: refused.

        Source: https://render.com/docs/environment-groups
        """
        what = f"environment groups of {self.called(service_id)} could not be read"
        listed = self._plain("/env-groups", what, {"ownerId": self.owner, "limit": 100})
        linked = [each["id"] for each in listed if _is_linked(each, service_id)]
        return [Group.from_api(self._plain(f"/env-groups/{each}", what)[0]) for each in linked]

    def effective_vars(self, service_id: str) -> dict[str, str]:
        """Return the variables that a service's next deploy begins with, in clear.

        Raises:
            ClientError: refused.
        """
        shared: dict[str, str] = {}
        for group in self.groups_of(service_id):
            shared |= group.variables
        return shared | self.env_vars(service_id)

    def secret_files(self, service_id: str) -> dict[str, str]:
        """Return the secret files that a service's next deploy begins with, by name.

        Raises:
            ClientError: refused.
        """
        what = f"secret files of {self.called(service_id)} could not be read"
        path = f"/services/{quote(service_id, safe='')}/secret-files"
        own = self.remembered(path, "secretFile", what, seconds=LISTED_SECONDS)
        shared: dict[str, str] = {}
        for group in self.groups_of(service_id):
            shared |= group.files
        try:
            return shared | {str(each["name"]): str(each["content"]) for each in own}
        except KeyError as error:
            raise not_understood("secret file", error) from None

    def domains(self, service_id: str) -> list[str]:
        """Return the custom domains of a service that are verified.

        Raises:
            ClientError: refused.

        Source: https://render.com/docs/custom-domains
        """
        what = f"domains of {self.called(service_id)} could not be read"
        path = f"/services/{quote(service_id, safe='')}/custom-domains"
        listed = self.remembered(path, "customDomain", what, seconds=LISTED_SECONDS)
        verified = (each for each in listed if each.get("verificationStatus") == "verified")
        return [str(each.get("name")) for each in verified]

    def _plain(
        self, path: str, what: str, params: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:  # Any: JSON
        """Return a list that is not wrapped, or one object as a list; read a moment ago at most."""
        now = self.patience.clock()
        found = self.memory.recall(path, now)
        if found is None:
            answer = self.ask("GET", path, what, params=params).json()
            found = answer if isinstance(answer, list) else [answer]
            if not all(isinstance(each, dict) for each in found):
                why = "the answer is no list of objects"
                raise ClientError(what, why, f"see whether `api` is right; it is {self.http.host}")
            self.memory.keep(path, found, now + LISTED_SECONDS)
        return found


def _is_linked(group: Mapping[str, Any], service_id: str) -> bool:  # Any: JSON
    return any(link.get("id") == service_id for link in group.get("serviceLinks") or [])

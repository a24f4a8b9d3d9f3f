"""Services of a workspace and their environment variables."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from handrail.clients.errors import ClientError
from handrail.clients.render.api import RenderApi
from handrail.clients.render.model import Deploy, Service, not_understood

LISTED_SECONDS = 20.0
# Suspending and resuming answer 202 at once; the service reads as asked a moment later.
SETTLE_SECONDS = 60
SETTLE_POLL_SECONDS = 1.0


class ServiceCalls(RenderApi):
    """Find, make, change, stop and delete services."""

    def find_service(self, name: str) -> Service | None:
        """Return the service of exactly this name in the workspace, or None.

        Raises:
            ClientError: refused, or the name is found twice.
        """
        what = f"service `{name}` could not be looked up"
        found = {
            data["id"]: Service.from_api(data)
            for data in self._listed(what)
            if data.get("name") == name and data.get("ownerId", self.owner) == self.owner
        }
        if len(found) > 1:
            raise ClientError(
                what,
                f"there are {len(found)} of that name: {', '.join(sorted(found))}",
                "rename or delete one at https://dashboard.render.com",
            )
        return next(iter(found.values()), None)

    def is_deleted(self, name: str) -> bool:
        """Tell whether the workspace has no service of a name, as a list that is read now says.

        Raises:
            ClientError: refused, or the name is found twice.
        """
        if self.find_service(name) is not None:
            return False
        self.memory.forget("/services")
        return self.find_service(name) is None

    def _listed(self, what: str) -> list[dict[str, Any]]:  # Any: JSON
        """Return all services of the workspace: one list serves a whole step."""
        listed = self.remembered(
            "/services", "service", what, seconds=LISTED_SECONDS, params=self._ours, doubted=True
        )
        names = {str(each.get("id")): str(each.get("name")) for each in listed}
        self.memory.names.update(names)
        return listed

    @property
    def _ours(self) -> dict[str, str]:
        return {"ownerId": self.owner, "includePreviews": "false"}

    def service(self, name: str) -> Service:
        """Return the service of exactly this name.

        Raises:
            ClientError: refused, or there is none.
        """
        found = self.find_service(name)
        if found is None:
            raise ClientError(
                f"service `{name}` was not found",
                f"workspace `{self.owner}` has no service of that name",
                "correct the name in the inventory, or run the runbook that makes the service",
            )
        return found

    def service_by_id(self, service_id: str) -> Service:
        """Return the service with this id.

        Raises:
            ClientError: refused, or there is none.
        """
        what = f"service {self.called(service_id)} could not be read"
        return Service.from_api(self.ask("GET", _path(service_id), what).json())

    def create_service(self, payload: Mapping[str, Any]) -> tuple[Service, str]:  # Any: JSON
        """Make a service and return it with the id of its first deploy.

        Never sent twice: names are unique in a workspace, so after a request whose fate is not
        known the service is looked up by name and taken over.

        Args:
            payload: Body of ``POST /services`` without ``ownerId``.

        Raises:
            ClientError: refused, the name is taken, or the outcome stays unknown.
        """
        name = str(payload.get("name", ""))
        what = f"service `{name}` could not be created"
        there = list(self._listed(what))
        if self.find_service(name) is not None:
            raise ClientError(what, "the name is taken", "run the same command again to adopt it")
        body = {**payload, "ownerId": self.owner}
        sent = self.send_once("/services", what, body=body, hide=_values(payload))
        if isinstance(sent, ClientError):
            return self._adopt_service(name, what, sent)
        made = sent.json()
        self.learn("/services", [*there, made.get("service") or {}], LISTED_SECONDS, self._ours)
        try:
            return Service.from_api(made["service"]), str(made["deployId"])
        except (KeyError, TypeError) as error:
            raise not_understood("new service", error) from None

    def _adopt_service(self, name: str, what: str, cause: ClientError) -> tuple[Service, str]:
        found = self.find_service(name)
        if found is None:
            raise ClientError(what, f"{cause.why}; no such service has appeared", cause.fix)
        listed = self.pages(f"{_path(found.id)}/deploys", "deploy", what, limit=1)
        first = next((Deploy.from_api(data).id for data in listed), None)
        if first is None:
            raise ClientError(
                what,
                f"{cause.why}; the service exists but has no deploy",
                f"open {found.dashboard_url} and start one, then the same command again",
            )
        return found, first

    def patch_service(self, service_id: str, payload: Mapping[str, Any]) -> Service:  # Any: JSON
        """Change stored settings of a service; they take effect at its next deploy.

        Raises:
            ClientError: refused.
        """
        what = f"service {self.called(service_id)} could not be changed"
        # The same fields again are the same settings, so it may be sent again.
        answer = self.ask("PATCH", _path(service_id), what, body=dict(payload), repeatable=True)
        return Service.from_api(answer.json())

    def autodeploy(self, service_id: str) -> bool:
        """Return whether a push deploys the service."""
        return self.service_by_id(service_id).autodeploy

    def set_autodeploy(self, service_id: str, enabled: bool) -> None:  # noqa: FBT001  the value
        """Let a push deploy the service, or not, and read it back.

        Raises:
            ClientError: refused, or it reads otherwise afterwards.
        """
        wanted = "yes" if enabled else "no"
        self.patch_service(service_id, {"autoDeploy": wanted})
        if not self.settles(lambda: self.autodeploy(service_id) is enabled):
            raise ClientError(
                f"autodeploy of {self.called(service_id)} could not be set to `{wanted}`",
                "Render accepted the change, and the service reads as before",
                "see whether a Blueprint with automatic sync sets it back",
            )

    def suspend(self, service_id: str) -> None:
        """Stop every instance; the URL then shows Render's page for suspended services.

        Raises:
            ClientError: refused, or it still runs after a minute.
        """
        self._set_suspended(service_id, suspended=True)

    def resume(self, service_id: str) -> None:
        """Start a suspended service again, by a deploy that Render makes itself.

        Raises:
            ClientError: refused, or it still reads as suspended after a minute.
        """
        self._set_suspended(service_id, suspended=False)

    def _set_suspended(self, service_id: str, *, suspended: bool) -> None:
        verb, done = ("suspend", "suspended") if suspended else ("resume", "resumed")
        what = f"service {self.called(service_id)} could not be {done}"
        accepted = ClientError(
            what,
            "it was accepted and has not happened",
            "open https://dashboard.render.com and see the service's events",
        )
        sent = self.send_once(f"{_path(service_id)}/{verb}", what, statuses=(200, 202))
        # Whatever became of the request, the service itself says whether it is as asked.
        until = self.patience.clock() + SETTLE_SECONDS
        while (found := self.service_by_id(service_id)).suspended is not suspended:
            if not suspended:
                _refuse_held(found, what)
            if self.patience.clock() >= until:
                raise sent if isinstance(sent, ClientError) else accepted
            self.patience.sleep(SETTLE_POLL_SECONDS)

    def env_vars(self, service_id: str) -> dict[str, str]:
        """Return the stored variables of a service, in clear; not those of linked groups.

        Raises:
            ClientError: refused.
        """
        what = f"variables of {self.called(service_id)} could not be read"
        path = f"{_path(service_id)}/env-vars"
        listed = self.remembered(path, "envVar", what, seconds=LISTED_SECONDS, doubted=True)
        try:
            return {str(data["key"]): str(data["value"]) for data in listed}
        except KeyError as error:
            raise not_understood("variable", error) from None

    def replace_env_vars(self, service_id: str, values: Mapping[str, str]) -> None:
        """Make these the only variables of a service, and read them back.

        Running instances keep the old ones until the next deploy.

        Raises:
            ClientError: refused, or they read otherwise afterwards; names keys, never values.
        """
        what = f"variables of {self.called(service_id)} could not be written"
        body = [{"key": key, "value": value} for key, value in values.items()]
        hide = tuple(sorted(values.values(), key=len, reverse=True))
        self.ask("PUT", f"{_path(service_id)}/env-vars", what, body=body, hide=hide)
        if not self.settles(lambda: self.env_vars(service_id) == dict(values)):
            stored = self.env_vars(service_id)
            keys = {*stored, *values}
            differing = sorted(key for key in keys if stored.get(key) != values.get(key))
            raise ClientError(
                what,
                f"written and read back, these differ: {', '.join(differing)}",
                "see whether someone else edits them, then the same command again",
            )


def _values(payload: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON
    return tuple(str(each.get("value") or "") for each in payload.get("envVars") or ())


def _refuse_held(service: Service, what: str) -> None:
    """Raise where others than its user keep a service suspended."""
    others = [each for each in service.suspenders if each != "user"]
    if others:
        fix = f"settle that at https://dashboard.render.com or with Render: {service.name}"
        raise ClientError(what, f"it is suspended by {', '.join(others)}", fix)


def _path(service_id: str) -> str:
    return f"/services/{quote(service_id, safe='')}"

"""Deploys: started once, followed to their end, rolled back."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.http import SERVER_ERROR
from handrail.clients.patience import LIMITED, pause
from handrail.clients.render.api import CREATED
from handrail.clients.render.diagnosis import Diagnosis
from handrail.clients.render.model import Deploy, Service

OK, QUEUED = 200, 202
# How far back a deploy that we started is looked for; a service runs one deploy at a time.
RECENT = 20
RECENT_SECONDS = 10.0
LONGEST_POLL_SECONDS = 20.0  # a deploy takes minutes: looks become rarer the longer it takes
ADOPT_TRIES = 20
ADOPT_POLL_SECONDS = 1.0
MODES = Literal["build_and_deploy", "deploy_only"]


class DeployCalls(Diagnosis):
    """Start, follow, cancel and undo deploys.

    A POST that makes a deploy is sent once. When its fate is not known, the deploys that appeared
    since are listed and the one it made is taken over.
    """

    def deploys(self, service_id: str, limit: int = RECENT, *, anew: bool = True) -> list[Deploy]:
        """Return the newest deploys of a service, newest first.

        Args:
            service_id: ``srv-…`` or ``crn-…``.
            limit: Most deploys.
            anew: Ask now; else what was read a moment ago serves.

        Raises:
            ClientError: refused.
        """
        what = f"deploys of {self.called(service_id)} could not be listed"
        listed = self.remembered(
            f"{_path(service_id)}/deploys",
            "deploy",
            what,
            seconds=RECENT_SECONDS,
            limit=limit,
            anew=anew,
        )
        return [Deploy.from_api(data) for data in listed]

    def deploy(self, service_id: str, deploy_id: str) -> Deploy:
        """Return one deploy.

        Raises:
            ClientError: refused, or there is none.
        """
        what = f"deploy `{deploy_id}` could not be read"
        return Deploy.from_api(self.ask("GET", _path(service_id, deploy_id), what).json())

    def live_deploy(self, service_id: str) -> Deploy | None:
        """Return the deploy that serves now, or None when none ever did.

        Raises:
            ClientError: refused.
        """
        recent = self.deploys(service_id, anew=False)
        found = _live(recent)
        if found is not None or len(recent) < RECENT:
            return found
        what = f"the live deploy of {self.called(service_id)} could not be read"
        filters = {"status": ["live"]}
        listed = self.pages(f"{_path(service_id)}/deploys", "deploy", what, params=filters)
        return _live(map(Deploy.from_api, listed))

    def deploy_in_progress(self, service_id: str) -> Deploy | None:
        """Return the newest deploy that has not ended, or None.

        Raises:
            ClientError: refused.
        """
        return next((deploy for deploy in self.deploys(service_id) if deploy.going_on), None)

    def start_deploy(
        self,
        service_id: str,
        commit: str | None = None,
        mode: MODES | None = None,
        clear_cache: bool = False,  # noqa: FBT001, FBT002  named at every call
    ) -> Deploy:
        """Start one deploy with the settings and variables stored now.

        Args:
            service_id: ``srv-…`` or ``crn-…``.
            commit: Sha to deploy; the branch's newest when None.
            mode: ``deploy_only`` reuses the last build.
            clear_cache: Whether to build from nothing.

        Raises:
            ClientError: refused, or it is not known whether it began.

        Source: https://api-docs.render.com/reference/create-deploy
        """
        what = f"a deploy of {self.called(service_id)} could not be started"
        if mode == "deploy_only" and (commit is not None or clear_cache):
            raise ClientError(
                what,
                "`deploy_only` builds nothing, so it takes neither a commit nor a cleared cache",
                "leave the mode out, or the commit and the cache",
            )
        cache = "clear" if clear_cache else None
        asked = {"clearCache": cache, "commitId": commit, "deployMode": mode}
        body = {key: value for key, value in asked.items() if value}
        return self._begin(service_id, "deploys", body, what, trigger="api", commit=commit)

    def rollback(self, service_id: str, deploy_id: str) -> Deploy:
        """Start the deploy that brings an earlier one back, with that one's variables, unbuilt.

        Autodeploy is left as it is: turn it off first, or the next push undoes this.

        Raises:
            ClientError: refused, or it is not known whether it began.

        Source: https://api-docs.render.com/reference/rollback-deploy
        """
        what = f"{self.called(service_id)} could not be rolled back to deploy `{deploy_id}`"
        body = {"deployId": deploy_id}
        return self._begin(service_id, "rollback", body, what, trigger="rollback", commit=None)

    def cancel_deploy(self, service_id: str, deploy_id: str) -> Deploy:
        """Cancel a deploy; one that has ended already is returned as it is.

        Raises:
            ClientError: refused while it goes on.
        """
        what = f"deploy `{deploy_id}` could not be canceled"
        refused: ClientError | None = None
        try:
            self.ask("POST", f"{_path(service_id, deploy_id)}/cancel", what)
        except ClientError as error:
            refused = error
        now = self.deploy(service_id, deploy_id)
        if refused is not None and now.going_on:
            raise refused
        return now

    def wait_for_deploy(
        self,
        service_id: str,
        deploy_id: str,
        timeout_seconds: float,
        poll_seconds: float = 5.0,
        on_status: Callable[[Deploy], None] | None = None,
    ) -> Deploy:
        """Wait until a deploy is live, and return it.

        One that went live and was replaced since counts as well. A status that is not known here
        is waited out, and so is an API that is out of order for a while.

        Args:
            service_id: Service of the deploy.
            deploy_id: ``dep-…``.
            timeout_seconds: Longest wait; the deploy goes on by itself afterwards.
            poll_seconds: Least wait between two looks; it grows to what has passed.
            on_status: Told of each change of status, the first included.

        Raises:
            ClientError: it failed, with its status, cause and last log lines; or time ran out.
        """
        began = self.patience.clock()
        last = ""
        while True:
            deploy = self._glance(service_id, deploy_id)
            if deploy is not None:
                if deploy.status != last and on_status is not None:
                    on_status(deploy)
                last = deploy.status
                if self._is_live(service_id, deploy):
                    return deploy
            waited = self.patience.clock() - began
            wait = pause(waited, poll_seconds, LONGEST_POLL_SECONDS)
            if waited + wait > timeout_seconds:
                silent = f"Render stopped answering; its last known status is `{last or 'none'}`"
                still = f"its status is still `{last}` after {timeout_seconds:g} s"
                raise ClientError(
                    f"deploy `{deploy_id}` of {self.called(service_id)} is not live",
                    still if deploy else silent,
                    "watch it at https://dashboard.render.com, then the same command again",
                )
            self.patience.sleep(wait)

    def _is_live(self, service_id: str, deploy: Deploy) -> bool:
        """Tell whether a deploy went live; raise why it failed, where it did."""
        if deploy.failed:
            raise self.failure(service_id, deploy)
        if deploy.succeeded:
            self.memory.forget(_path(service_id))
        return deploy.succeeded

    def _glance(self, service_id: str, deploy_id: str) -> Deploy | None:
        """Return a deploy, or None while the API is out of order: the deploy goes on without it."""
        try:
            answer = self.http.get(_path(service_id, deploy_id))
        except NoAnswer:
            return None
        if answer.status == LIMITED or answer.status >= SERVER_ERROR:
            return None
        if answer.status != OK:
            raise self.http.refusal(answer, f"deploy `{deploy_id}` could not be read")
        try:
            return Deploy.from_api(answer.json())
        except ClientError:  # a page about maintenance, say
            return None

    def _page(self, service_id: str) -> str:
        return Service.from_api(
            self.ask(
                "GET", _path(service_id), f"service {self.called(service_id)} could not be read"
            ).json()
        ).dashboard_url

    def _begin(
        self,
        service_id: str,
        verb: str,
        body: Mapping[str, Any],  # Any: JSON
        what: str,
        *,
        trigger: str,
        commit: str | None,
    ) -> Deploy:
        before = {deploy.id for deploy in self.deploys(service_id, anew=False)}
        path, good = f"{_path(service_id)}/{verb}", (CREATED, QUEUED)
        sent = self.send_once(path, what, body=body, statuses=good)
        if isinstance(sent, ClientError):
            fate = sent.why
        elif sent.status == CREATED and sent.body_text.strip():
            return Deploy.from_api(sent.json())
        else:
            fate = "Render accepted it and did not say under which id"
        if found := self._started_since(service_id, before, trigger, commit):
            return found
        raise ClientError(
            what,
            f"{fate}; no deploy that it made has appeared in "
            f"{ADOPT_TRIES * ADOPT_POLL_SECONDS:g} s",
            f"look for one at {self._page(service_id)} before running the same command again",
        )

    def _started_since(
        self, service_id: str, before: set[str], trigger: str, commit: str | None
    ) -> Deploy | None:
        """Return the deploy that our request made, once it is listed; None where none appears."""
        for _ in range(ADOPT_TRIES):
            new = (each for each in self.deploys(service_id) if each.id not in before)
            if found := next(filter(partial(_may_be, trigger, commit), new), None):
                return found
            self.patience.sleep(ADOPT_POLL_SECONDS)
        return None


def _live(deploys: Iterable[Deploy]) -> Deploy | None:
    return next((deploy for deploy in deploys if deploy.status == "live"), None)


def _may_be(trigger: str, commit: str | None, deploy: Deploy) -> bool:
    """Tell whether a request may have made a deploy: Render does not always say of which commit."""
    if deploy.trigger not in (trigger, ""):
        return False
    return commit is None or deploy.commit is None or deploy.commit.startswith(commit)


def _path(service_id: str, deploy_id: str | None = None) -> str:
    path = f"/services/{quote(service_id, safe='')}"
    return path if deploy_id is None else f"{path}/deploys/{quote(deploy_id, safe='')}"

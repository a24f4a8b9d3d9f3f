"""The wire to Render: where it is, who asks, how lists are paged."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, ClassVar, Self

from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.fields import as_list, read_fields, read_text
from handrail.clients.http import SERVER_ERROR, Answer, Http
from handrail.clients.memory import MEMORIES, Memory
from handrail.clients.patience import Patience
from handrail.clients.secret import Secret

CREATED = 201
PAGE_SIZE = 100
# What Render gives a caller who asks for no size: a server that ignores ours gives as many.
USUAL_PAGE = 20
READ_BACK_SECONDS, READ_BACK_POLL_SECONDS = 10.0, 1.0
EMPTY_AGAIN_SECONDS = 0.3  # until a list that is empty, and is doubted, is read again


@dataclass(frozen=True)
class RenderApi:
    """One workspace on Render, and the key that reaches it.

    Args:
        api: Base URL, ``https://api.render.com/v1``.
        key: API key, ``rnd_…``.
        owner: Workspace id, ``tea-…``.
        shown: Variables of the application whose values are no secrets, and are needed to
            understand why a deploy failed. Any other value is withheld.
    """

    api: str
    key: Secret
    owner: str
    shown: tuple[str, ...] = ()
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)

    patience: ClassVar[Patience] = Patience()

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Read ``{"api", "key", "owner"}`` and perhaps ``shown``; the key is a reference.

        Raises:
            ClientError: a key is missing or unknown, or a value has another form.
        """
        if isinstance(value, cls):
            return value
        given = read_fields(value, "Render", ("api", "key", "owner"), ("shown",))
        api = read_text(given["api"], "Render", "api").rstrip("/")
        key = Secret.from_inventory(given["key"])
        owner = read_text(given["owner"], "Render", "owner")
        shown = tuple(str(each) for each in as_list(given.get("shown", [])))
        return cls(api, key, owner, shown, MEMORIES.of(api, owner, str(given["key"])))

    @property
    def http(self) -> Http:
        """The session that carries the key."""
        return Http(self.api, name="Render", bearer=self.key, patience=self.patience)

    def called(self, service_id: str) -> str:
        """Return what a person calls a service: its name where it was read, and its id."""
        name = self.memory.names.get(service_id)
        return f"`{name}` ({service_id})" if name else f"`{service_id}`"

    def now(self) -> datetime:
        """Return Render's own time: windows of its figures go by that, not by this machine's.

        Raises:
            ClientError: refused.
        """
        if self.memory.ahead is None:
            self.ask("GET", "/users", "the time on Render could not be asked")
        return datetime.now(UTC) + (self.memory.ahead or timedelta())

    def ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        statuses: tuple[int, ...] = (200,),
        hide: tuple[str, ...] = (),
        **options: Any,  # Any: those of Http.request
    ) -> Answer:
        """Send a request and return its answer if it has one of the statuses.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            what: What it means when this fails: "… could not be …".
            statuses: Those that mean it went well.
            hide: Values sent that must not come back in an error.
            options: Further parts of the request.

        Raises:
            ClientError: another status.
            NoAnswer: none at all.
        """
        http = self.http
        if method != "GET":
            self.memory.forget(path)
        answer = http.request(method, path, **options)
        self.memory.hear(answer.headers.get("Date", ""))
        if answer.status not in statuses:
            raise http.refusal(answer, what, hide=hide)
        return answer

    def send_once(
        self,
        path: str,
        what: str,
        *,
        body: Mapping[str, Any] | None = None,  # Any: JSON
        statuses: tuple[int, ...] = (CREATED,),
        hide: tuple[str, ...] = (),
    ) -> Answer | ClientError:
        """Send a POST once and return its answer, or why nobody knows whether it was carried out.

        Then whoever sent it looks for what it made.

        Args:
            path: As `ask` has it.
            what: As `ask` has it.
            body: Sent as JSON.
            statuses: As `ask` has it.
            hide: As `ask` has it.

        Raises:
            ClientError: refused, or it never came there.
        """
        self.memory.forget(path)
        try:
            answer = self.http.post(path, body=body)
        except NoAnswer as error:
            if not error.maybe_done:
                raise
            return ClientError(what, error.why, error.fix)
        if answer.status in statuses:
            return answer
        refusal = self.http.refusal(answer, what, hide=hide)
        if answer.status < SERVER_ERROR:
            raise refusal
        return refusal

    def remembered(
        self,
        path: str,
        wrapper: str,
        what: str,
        *,
        seconds: float,
        limit: int | None = None,
        params: Mapping[str, Any] | None = None,  # Any: text or a list of texts
        anew: bool = False,
        doubted: bool = False,
    ) -> list[dict[str, Any]]:  # Any: JSON
        """Return a list that may have been read a moment ago; any write makes it be read anew.

        The clauses of one step look the same things up several times, and Render allows 400 reads
        a minute.

        Args:
            path: Path of the list.
            wrapper: As `pages` has it.
            what: As `pages` has it.
            seconds: How old it may be.
            limit: As `pages` has it.
            params: As `pages` has it.
            anew: Read it now, and remember that.
            doubted: One that is empty is read again before it counts: to believe a wrong one would
                make what is there, or write a few variables over all.

        Raises:
            ClientError: refused, or not a list of that kind.
        """
        key = _key(path, limit, params)
        found = None if anew else self.memory.recall(key, self.patience.clock())
        if found is None:
            found = list(self.pages(path, wrapper, what, limit=limit, params=params))
            if doubted and not found:
                self.patience.sleep(EMPTY_AGAIN_SECONDS)
                found = list(self.pages(path, wrapper, what, limit=limit, params=params))
            self.memory.keep(key, found, self.patience.clock() + seconds)
        return found

    def learn(
        self,
        path: str,
        found: list[dict[str, Any]],  # Any: JSON
        seconds: float,
        params: Mapping[str, Any],  # Any: as `pages` has it
    ) -> None:
        """Remember a list as it is by the answer to a write, for so many seconds."""
        self.memory.keep(_key(path, None, params), found, self.patience.clock() + seconds)

    def settles(self, look: Callable[[], bool]) -> bool:
        """Look until something reads as it was written, or for ten seconds; return whether it does.

        What was written may read as before for a moment.
        """
        until = self.patience.clock() + READ_BACK_SECONDS
        while not look():
            if self.patience.clock() >= until:
                return False
            self.patience.sleep(READ_BACK_POLL_SECONDS)
            self.memory.forget()
        return True

    def pages(
        self,
        path: str,
        wrapper: str,
        what: str,
        *,
        limit: int | None = None,
        params: Mapping[str, Any] | None = None,  # Any: text or a list of texts
    ) -> Iterator[dict[str, Any]]:  # Any: JSON
        """Yield what a list holds, each unwrapped, page by page.

        A page shorter than what was asked for is the last one; but one of just the usual size may
        come of a server that ignores ours, and half a list of variables, written back, would delete
        the other half.

        Args:
            path: Path of the list.
            wrapper: Key under which each element holds its resource.
            what: What it means when this fails.
            limit: Most elements to yield; None for all.
            params: Filters.

        Raises:
            ClientError: refused, or not a list of that kind, or a list that never ends.
        """
        size = PAGE_SIZE if limit is None else max(1, min(limit, PAGE_SIZE))
        every = self._every_page(path, wrapper, what, {**(params or {}), "limit": size})
        return islice(chain.from_iterable(every), limit)

    def _every_page(
        self,
        path: str,
        wrapper: str,
        what: str,
        given: dict[str, Any],  # Any: text, a number or a list of texts
    ) -> Iterator[list[dict[str, Any]]]:  # Any: JSON
        """Yield the pages of a list, each when it is asked for."""
        seen: set[str] = set()
        while True:
            found = self._one_page(path, wrapper, what, given)
            yield [resource for _, resource in found]
            if len(found) < given["limit"] and len(found) != USUAL_PAGE:
                return
            given["cursor"] = found[-1][0]
            if given["cursor"] in seen:
                raise ClientError(
                    what,
                    "the list comes back to a page that was read before",
                    "run the same command again: the list may have changed while it was read",
                )
            seen.add(given["cursor"])

    def _one_page(
        self,
        path: str,
        wrapper: str,
        what: str,
        given: Mapping[str, Any],  # Any: as above
    ) -> list[tuple[str, dict[str, Any]]]:  # Any: JSON
        """Return one page: each element unwrapped, with its cursor."""
        page = self.ask("GET", path, what, params=given).json()
        try:
            return [(element["cursor"], dict(element[wrapper])) for element in page]
        except (KeyError, TypeError, ValueError):
            raise ClientError(
                what,
                f"the answer is not a list of `{wrapper}` with cursors",
                f"see whether `api` in the inventory is right; it is {self.http.host}",
            ) from None


def _key(path: str, limit: int | None, params: Mapping[str, Any] | None) -> str:
    return f"{path} {limit} {params}"

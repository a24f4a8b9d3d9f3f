"""The wire to Render: where it is, who asks, how lists are paged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from handrail.clients.errors import ClientError
from handrail.clients.fields import as_list, read_fields, read_text
from handrail.clients.http import Answer, Http
from handrail.clients.patience import Patience
from handrail.clients.secret import Secret

PAGE_SIZE = 100
# What Render gives a caller who asks for no size: a server that ignores ours gives as many.
USUAL_PAGE = 20
LISTED_SECONDS = 2.0  # a step looks several services up at once; Render allows 400 calls a minute


@dataclass
class Listing:
    """The services of a workspace as they were listed a moment ago; a write forgets them."""

    found: list[dict[str, Any]] | None = None  # Any: JSON
    until: float = 0.0

    def forget(self) -> None:
        """Make the next look-up list them anew."""
        self.found = None

    def fresh(self, now: float) -> list[dict[str, Any]] | None:  # Any: JSON
        """Return the list while it is young enough."""
        return self.found if now < self.until else None

    def keep(self, found: list[dict[str, Any]], now: float) -> None:  # Any: JSON
        """Keep a list that was read now."""
        self.found, self.until = found, now + LISTED_SECONDS


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
    listing: Listing = field(default_factory=Listing, compare=False, repr=False)

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
        return cls(
            api=read_text(given["api"], "Render", "api").rstrip("/"),
            key=Secret.from_inventory(given["key"]),
            owner=read_text(given["owner"], "Render", "owner"),
            shown=tuple(str(each) for each in as_list(given.get("shown", []))),
        )

    @property
    def http(self) -> Http:
        """The session that carries the key."""
        return Http(self.api, bearer=self.key, patience=self.patience)

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
            self.listing.forget()
        answer = http.request(method, path, **options)
        if answer.status not in statuses:
            raise http.refusal(answer, what, hide=hide)
        return answer

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:  # Any: JSON
        """Send a POST once and return the answer, whatever its status.

        Raises:
            NoAnswer: none at all.
        """
        self.listing.forget()
        return self.http.post(path, body=body)

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

        A page shorter than any that the server would cut is the last one. One that is merely
        shorter than what was asked for is not: half a list of variables, written back, would delete
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
        seen: set[str] = set()
        given: dict[str, Any] = {**(params or {}), "limit": size}
        count = 0
        while True:
            page = self.ask("GET", path, what, params=given).json()
            try:
                found = [(element["cursor"], dict(element[wrapper])) for element in page]
            except (KeyError, TypeError, ValueError):
                raise ClientError(
                    what,
                    f"the answer is not a list of `{wrapper}` with cursors",
                    f"see whether `api` in the inventory is right; it is {self.http.host}",
                ) from None
            for _, resource in found:
                if count == limit:
                    return
                count += 1
                yield resource
            if len(found) < min(size, USUAL_PAGE) or count == limit:
                return
            cursor = found[-1][0]
            if cursor in seen:
                raise ClientError(
                    what,
                    "the list comes back to a page that was read before",
                    "run the same command again: the list may have changed while it was read",
                )
            seen.add(cursor)
            given["cursor"] = cursor

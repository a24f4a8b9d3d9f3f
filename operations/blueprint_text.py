"""A Blueprint edited where it stands: only the lines of the services that change are touched.

A YAML library that writes the whole file again would lose what it cannot tell apart (`+63912` and
`63912`, blanks inside braces, mixed margins), so the file is read for where things lie, and its
text is cut there.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import yaml

from handrail.clients.errors import ClientError

from .blueprint_cuts import Cut, Lines, held, relisted, renamed
from .blueprint_nodes import (
    Listing,
    Service,
    beside_services,
    lasting,
    listings_of,
    refuse_repeated,
    services_of,
    sources_of,
    texts_of,
)

BOM = "\ufeff"


class Blueprint:
    """A Blueprint's text with what lies where.

    Args:
        text: The file.
        path: Its path, for errors.

    Raises:
        ClientError: not YAML, or without a list of services.
    """

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        # One kind of line end while it is read; a file that mixes them keeps them.
        self._end = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
        self._mark, plain = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
        plain = plain.replace(self._end, "\n")
        self._is_ended = plain.endswith("\n")
        self._page = Lines(plain if self._is_ended else f"{plain}\n")
        try:
            self._read(plain)
        except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            raise self._unread(str(error)) from None
        if not self._listings:
            raise self._unread("it lists no services")

    def _read(self, plain: str) -> None:
        self.data = yaml.safe_load(plain)
        root = yaml.compose(self._page.text, Loader=yaml.SafeLoader)
        refuse_repeated(root)
        self._listings = list(listings_of(self.data, root))
        self.services = list(chain.from_iterable(map(services_of, self._listings)))

    def edited(
        self, removed: set[str], wanted: list[dict[str, Any]], to_hold: set[str]
    ) -> "Blueprint":
        """Return the Blueprint without some services, with others as they are wanted.

        What stands there under a wanted name is replaced in its place; new ones come where the
        first removed one was listed, else at the end of the first list. Of the services to hold,
        pushes no longer deploy; `runtime` stands in for the deprecated `env`.

        Args:
            removed: Names of those that go.
            wanted: Entries, each with its name.
            to_hold: Names of those that stay, and that pushes must not deploy.

        Raises:
            ClientError: something else would read otherwise afterwards.
        """
        new = {each["name"]: each for each in wanted}
        cuts = [*self._relisted(removed, new), *self._of_staying(removed | new.keys(), to_hold)]
        made = self._made(self._cut(cuts))
        self._refuse_changed(made, removed | set(new), to_hold)
        return made

    def _relisted(self, removed: set[str], new: Mapping[str, dict[str, Any]]) -> Iterator[Cut]:
        """Yield the cuts that take services out of the lists, and put others in."""
        there = self.by_name()
        fresh = [each for name, each in new.items() if name not in there]
        home = self._home(removed)
        for part in self._listings:
            coming = fresh if part is home else []
            yield from relisted(self._page, part, self._in(part), removed, new, coming)

    def _in(self, part: Listing) -> list[Service]:
        return [each for each in self.services if each.listing is part]

    def _of_staying(self, ours: set[str], to_hold: set[str]) -> Iterator[Cut]:
        """Yield the cuts within services that stay."""
        for each in self._but(ours):
            yield from renamed(each)
            if each.name in to_hold:
                yield from held(self._page, each)

    def _but(self, names: set[str]) -> Iterator[Service]:
        return (each for each in self.services if each.name not in names)

    def by_name(self) -> dict[str, dict[str, Any]]:
        """Return the data of every service by its name."""
        return {each.name: each.data for each in self.services}

    def references(self, names: set[str]) -> list[str]:
        """Return where services that stay take something from services of these names."""
        return [
            f"`{each.name}` takes it from `{found}`"
            for each in self._but(names)
            for found in sources_of(each.data)
            if found in names
        ]

    def addresses(self, names: set[str]) -> list[str]:
        """Return where services that stay, or groups, name the address of services of these names.

        Render gives `NAME.onrender.com` to the outside, and `NAME:PORT` within.
        """
        if not names:
            return []
        called = "|".join(map(re.escape, sorted(names)))
        address = re.compile(rf"(?<![\w.-])(?:{called})(?:\.onrender\.com\b|:\d+)")
        staying = ((f"`{each.name}`", each.data) for each in self._but(names))
        beside = "what stands beside the services", beside_services(self.data)
        return [
            f"{named} names an address that goes: `{text}`"
            for named, data in [*staying, beside]
            for text in filter(address.search, texts_of(data))
        ]

    def _home(self, removed: set[str]) -> Listing:
        """Return the list that new services come to."""
        listed = [each.listing for each in self.services if each.name in removed]
        return (listed or self._listings)[0]

    def _cut(self, cuts: list[Cut]) -> str:
        text = self._page.text
        for start, end, instead in sorted(cuts, reverse=True):
            text = text[:start] + instead + text[end:]
        text = text if self._is_ended else text.removesuffix("\n")
        return self._mark + text.replace("\n", self._end)

    def _made(self, text: str) -> "Blueprint":
        """Read what the edit made; what goes may hold what something else refers to."""
        try:
            return Blueprint(text, self.path)
        except ClientError as error:
            raise ClientError(
                f"`{self.path}` was not changed",
                f"what stays could not be read without what goes: {error.why.splitlines()[0]}",
                "write out what an alias stands for where it is used, commit, push, then the same "
                "command again",
            ) from error

    def _refuse_changed(self, made: "Blueprint", ours: set[str], to_hold: set[str]) -> None:
        """Raise where the edit reached something that it was not meant for."""
        if self.beside(ours, to_hold) != made.beside(ours, to_hold):
            raise ClientError(
                f"`{self.path}` was not changed",
                "another part of it would read otherwise afterwards",
                f"write the services into `{self.path}` by hand, commit, push, then the same "
                "command again",
            )

    def beside(self, ours: set[str], to_hold: set[str]) -> tuple[object, object]:
        """Return all that an edit of some services must leave as it is."""
        kept = [lasting(each, held=each.name in to_hold) for each in self._but(ours)]
        return kept, beside_services(self.data)

    def _unread(self, why: str) -> ClientError:
        return ClientError(f"`{self.path}` was not read", why, f"correct `{self.path}`")

"""A Blueprint edited where it stands: only the lines of the services that change are touched.

A YAML library that writes the whole file again would lose what it cannot tell apart (`+63912` and
`63912`, blanks inside braces, mixed margins), so the file is read for where things lie, and its
text is cut there.
"""

import re
from typing import Any

import yaml

from handrail.clients.errors import ClientError

from .blueprint_cuts import Cut, Lines, held, relisted, renamed
from .blueprint_nodes import (
    Listing,
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
        self._mark = BOM if text.startswith(BOM) else ""
        # One kind of line end while it is read; a file that mixes them keeps them.
        self._end = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
        plain = text.removeprefix(BOM).replace(self._end, "\n")
        self._is_ended = plain.endswith("\n")
        self._page = Lines(plain if self._is_ended else f"{plain}\n")
        try:
            self.data = yaml.safe_load(plain)
            root = yaml.compose(self._page.text, Loader=yaml.SafeLoader)
            refuse_repeated(root)
            self._listings: list[Listing] = list(listings_of(self.data, root))
            self.services = [each for part in self._listings for each in services_of(part)]
        except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            raise self._unread(str(error)) from None
        if not self._listings:
            raise self._unread("it lists no services")

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
        there = {each.name for each in self.services}
        fresh = [each for name, each in new.items() if name not in there]
        cuts: list[Cut] = []
        for part in self._listings:
            mine = [each for each in self.services if each.listing is part]
            coming = fresh if part is self._home(removed) else []
            cuts += relisted(self._page, part, mine, removed, new, coming)
        staying = [each for each in self.services if each.name not in removed | new.keys()]
        for each in staying:
            cuts += renamed(each)
            cuts += held(self._page, each) if each.name in to_hold else ()
        made = self._made(self._cut(cuts))
        self._refuse_changed(made, removed | set(new), to_hold)
        return made

    def references(self, names: set[str]) -> list[str]:
        """Return where services that stay take something from services of these names."""
        return [
            f"`{each.name}` takes it from `{found}`"
            for each in self.services
            if each.name not in names
            for found in sources_of(each.data)
            if found in names
        ]

    def addresses(self, names: set[str]) -> list[str]:
        """Return where services that stay, or groups, name the address of services of these names.

        Render gives `NAME.onrender.com` to the outside, and `NAME:PORT` within.
        """
        called = "|".join(map(re.escape, sorted(names)))
        address = re.compile(rf"(?<![\w.-])(?:{called})(?:\.onrender\.com\b|:\d+)")
        staying = [(f"`{e.name}`", e.data) for e in self.services if e.name not in names]
        beside = "what stands beside the services", beside_services(self.data)
        return [
            f"{named} names an address that goes: `{text}`"
            for named, data in [*staying, beside]
            for text in texts_of(data)
            if names and address.search(text)
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
        kept = [
            [
                lasting(each, held=each.name in to_hold)
                for each in side.services
                if each.name not in ours
            ]
            for side in (self, made)
        ]
        beside = [beside_services(side.data) for side in (self, made)]
        if kept[0] != kept[1] or beside[0] != beside[1]:
            raise ClientError(
                f"`{self.path}` was not changed",
                "another part of it would read otherwise afterwards",
                f"write the services into `{self.path}` by hand, commit, push, then the same "
                "command again",
            )

    def _unread(self, why: str) -> ClientError:
        return ClientError(f"`{self.path}` was not read", why, f"correct `{self.path}`")

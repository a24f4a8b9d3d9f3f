"""What `handrail doctor` asks of a running application: does it look as its profile says?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from handrail.clients.accounts import Account, Accounts
from handrail.clients.app import (
    Application,
    Profile,
    health,
    records,
    sign_ins,
    socket,
    task,
    upload,
)
from handrail.clients.app.profile import Absent, Health, Records, Socket, System, Task, Upload
from handrail.clients.app.seen import Seen, status
from handrail.clients.browser import Browser, visit
from handrail.clients.errors import ClientError
from handrail.clients.http import Http
from handrail.clients.patience import ONCE
from handrail.clients.ready.claim import Line, NotReady, Told, ask

SECONDS = 30.0  # longest wait for a task, a message, and what appears on a page
OK = 200


@dataclass(frozen=True)
class Running:
    """An application at its addresses, and who may enter it.

    Args:
        about: What the lines are about, as an operator names it.
        profile: The profile.
        name: Which of its systems this is.
        url: Address of the application.
        accounts: Accounts whose passwords are known.
        channels_url: Where its WebSocket is; the same address where it is empty.
        frontend_url: Where its page is; it is not looked at where this is empty.
        browser: What looks at it.
        read_only: Make nothing: no record, upload, task or message.
    """

    about: str
    profile: Profile
    name: str
    url: str
    accounts: Accounts
    channels_url: str = ""
    frontend_url: str = ""
    browser: Browser | None = None
    read_only: bool = False

    @cached_property
    def app(self) -> Application:
        """The application."""
        return Application(self.url, self.profile.system(self.name))

    @cached_property
    def administrator(self) -> Account:
        """The account that most is asked with."""
        return self.accounts.administrator()

    @cached_property
    def http(self) -> Http:
        """A client that carries the administrator's token."""
        return self.app.as_account(self.administrator, ONCE)


def lines(it: Running) -> Iterator[Line]:
    """Ask every entry of the profile."""
    system = it.app.system
    yield _line(it, "sign_ins", "Its accounts sign in, and wrong passwords are refused",
                lambda: sign_ins.seen(it.app, it.accounts.load()))  # fmt: skip
    yield from _unused_doors(it)
    yield _entry(it, "message", system.message, "Its errors say what is wrong", _errors)
    yield _entry(it, "health", system.health, "Its health check says that all is well", _health)
    yield from _records(it, system.records)
    yield from _made(it, system)
    yield _entry(it, "reads", system.reads, "The reads that are timed answer", _reads)
    if it.frontend_url and not it.read_only:
        yield _entry(it, "frontend", system.frontend, "People work with it in a browser", _page)


def _made(it: Running, system: System) -> Iterator[Line]:
    """Ask the entries whose answer makes something; where nothing may be made, what is left."""
    made: tuple[tuple[str, Any, str, Callable[..., Seen]], ...] = (  # Any: an entry of the profile
        ("upload", system.upload, "A file that is uploaded comes back", _upload),
        ("task", system.task, "A background task is done", _task),
        ("socket", system.socket, "A message arrives on its WebSocket", _message),
    )
    for key, entry, claim, look in made:
        if not it.read_only or isinstance(entry, Absent):
            yield _entry(it, key, entry, claim, look)
        elif key == "socket":
            yield _entry(it, key, entry, "Its WebSocket opens", _opened)


def _entry(it: Running, key: str, entry: Any, claim: str, look: Callable[..., Seen]) -> Line:
    if isinstance(entry, Absent):
        return _absent(it, key, entry)
    return _line(it, key, claim, partial(look, it, entry))


def _absent(it: Running, key: str, entry: Absent) -> Line:
    found = f"the profile says that there is none: {entry.absent}"
    return Line(Told.GOOD, it.about, f"`{key}` is absent", found)


def _line(it: Running, key: str, claim: str, look: Callable[[], Seen]) -> Line:
    """Ask one thing; what differs is told with the entry that says otherwise."""
    fix = f"correct `{key}` of `{it.name}` in `{it.profile.path}`, or the application"

    def looked() -> str:
        seen = look()
        if seen.wrong:
            raise NotReady("the application differs from its profile", seen.wrong, seen.fix or fix)
        facts = ", ".join(f"{name} {each}" for name, each in seen.facts.items())
        return seen.note or facts or "as the profile says"

    return ask(it.about, claim, looked)


def _unused_doors(it: Running) -> Iterator[Line]:
    try:
        doors = sign_ins.unused(it.app, it.accounts.load())
    except ClientError:  # told by the line on signing in
        return
    for door in doors:
        found = "no known account has a role that enters there"
        yield Line(Told.NOT_TOLD, it.about, f"Accounts enter by `{door.path}`", found,
                   "add such an account to the known ones, or take the door out")  # fmt: skip


def _records(it: Running, entry: Records | Absent) -> Iterator[Line]:
    if isinstance(entry, Absent):
        yield _absent(it, "records", entry)
    else:
        yield from _tables(it, entry)
        yield from _sample(it, entry)


def _tables(it: Running, entry: Records) -> Iterator[Line]:
    there = [name for name, path in entry.tables.items() if not isinstance(path, Absent)]
    claim = f"Records of {len(there)} tables are listed and read"
    found: Mapping[str, str] = {}

    def all_read() -> Seen:
        nonlocal found
        found = records.unread(it.http, entry, there)
        return Seen(f"{len(found)} of them differ" if found else "")

    yield _line(it, "records", claim, all_read)
    for table, why in found.items():
        yield _line(it, f"records.tables.{table}", f"Records of `{table}` are listed and read",
                    partial(Seen, why))  # fmt: skip


def _sample(it: Running, entry: Records) -> Iterator[Line]:
    sample = entry.sample
    if isinstance(sample, Absent):
        yield _absent(it, "records.sample", sample)
    elif not it.read_only:
        yield _line(it, "records.sample", "A record is made, changed and deleted",
                    lambda: records.changed(it.app, it.http, entry, sample))  # fmt: skip


def _errors(it: Running, entry: list[str]) -> Seen:
    return sign_ins.errors(it.app, it.administrator, entry)


def _health(it: Running, entry: Health) -> Seen:
    return health.seen(it.http if entry.signed_in else Http(it.url, patience=ONCE), entry)


def _upload(it: Running, entry: Upload) -> Seen:
    return upload.seen(it.app, it.http, entry)


def _task(it: Running, entry: Task) -> Seen:
    return task.seen(it.app, it.http, entry, SECONDS)


def _message(it: Running, entry: Socket) -> Seen:
    return socket.seen(it.app, it.channels_url or it.url, it.administrator, entry, SECONDS)


def _opened(it: Running, entry: Socket) -> Seen:
    return socket.opened(it.app, it.channels_url or it.url, it.administrator, entry, SECONDS)


def _reads(it: Running, entry: list[str]) -> Seen:
    for path in entry:
        answer = it.http.get(path, params=it.app.system.reads_query)
        if answer.status != OK:
            return Seen(f"{path} answers {status(answer)}")
    return Seen(facts={"reads": len(entry)})


def _page(it: Running, _: object) -> Seen:
    if it.browser is None or it.browser.absent:
        why = it.browser.absent if it.browser else "no browser was named"
        raise ClientError("nobody looked at it", why, "name a Chromium: `--browser PATH`")
    seen = visit(
        it.browser, it.frontend_url, it.app, it.profile, it.name, it.administrator, SECONDS
    )
    return Seen(seen.wrong, facts={"rows": seen.rows})

"""What an application looks like from outside: the entries of a profile.

Each entry may be absent, with the reason: `health: {absent: the load balancer hides it}`. A gate
that needs an absent entry says so and passes, and the plan shows it.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

PathText = Annotated[str, StringConstraints(pattern=r"^/")]
Dotted = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
Status = Annotated[int, Field(ge=100, le=599)]
Statuses = Annotated[list[Status], Field(min_length=1)]
Body = dict[str, Any]  # Any: JSON; `{word}` and the like in its texts are filled in


class Entry(BaseModel):
    """A part of a profile: no unknown key, no value that is only nearly of its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Absent(Entry):
    """The application has none of it."""

    absent: Annotated[str, StringConstraints(min_length=1)] = Field(description="Why.")


class SignIn(Entry):
    """A door that accounts sign in at."""

    path: PathText
    kinds: list[str] = Field(
        default=[], description="Roles that use this door; empty for all that no other door names."
    )
    body: Body = Field(
        default={"username": "{username}", "password": "{password}"},
        description="What is sent; `{username}` and `{password}` are filled in.",
    )
    form: bool = Field(default=False, description="Sent as form fields instead of JSON.")
    status: Statuses = Field(default=[200], description="How a good password is answered.")
    refused: Statuses = Field(default=[401], description="How a wrong password is answered.")
    token: Dotted = Field(description="Where the token lies in the answer: `data.access`.")
    token_in: Literal["body", "header", "cookie"] = Field(
        default="body", description="What part of the answer that names: a header, a cookie."
    )
    role: Dotted | Absent = Field(description="Where the role lies in the answer.")
    roles: dict[str, str] = Field(
        default={}, description="What this application calls a role of the known accounts."
    )
    header: str = Field(default="Authorization", description="Header that carries the token.")
    prefix: str = Field(default="Bearer ", description="What stands before the token there.")
    pace_seconds: float = Field(
        default=0.0, ge=0, description="Least time between two sign-ins: 12 for five a minute."
    )
    me: PathText | None = Field(default=None, description="Tells the account that is signed in.")
    me_id: Dotted = Field(default="id", description="Where its id lies there.")


class Health(Entry):
    """A path that tells whether all parts are well. Redirects are not followed."""

    path: PathText
    status: Statuses = [200]
    holds: dict[Dotted, Any] = Field(
        default={}, description="Value by place in the answer: `checks.database: ok`."
    )
    signed_in: bool = Field(default=False, description="Asked as a known account.")


class Page(Entry):
    """The shape of a list of records."""

    rows: Dotted | Literal[""] = Field(description="Where the rows lie; empty for a bare list.")
    has: list[Dotted] = Field(default=[], description="What else a page holds.")
    query: dict[str, str | int] = Field(default={}, description="What asks for few rows.")


class Sample(Entry):
    """A record that may be made, changed and deleted; nothing of it stays."""

    table: str
    body: Body = Field(description="`{word}` is a text that no other record holds.")
    change: Body
    made: Statuses = [201]
    changed: Statuses = [200]
    change_method: Literal["PATCH", "PUT"] = "PATCH"
    deleted: Statuses = [204]
    gone: Statuses = [404]


class Records(Entry):
    """Where each table's records are listed and read."""

    tables: dict[str, PathText | Absent] = Field(description="Path of the list, by table.")
    page: Page
    record: Dotted | Literal[""] = Field(default="", description="Where one record lies.")
    id: Dotted = "id"
    one: str = Field(default="{path}{id}/", description="Path of one record.")
    sample: Sample | Absent = Field(description="`{absent: read only}` where none may be made.")


class Upload(Entry):
    """Where a file is sent to, and where its public address lies in the answer."""

    path: PathText
    field: str = "file"
    form: dict[str, str] = {}
    status: Statuses = [201]
    url: Dotted = "url"


class Task(Entry):
    """A background task: started, then asked for."""

    path: PathText
    body: Body = Field(description="`{word}` comes back in the result.")
    status: Statuses = [202]
    id: Dotted = "id"
    one: str = Field(default="{path}{id}/", description="Path that tells its state.")
    state: Dotted = "state"
    done: list[str] = ["SUCCESS"]
    failed: list[str] = ["FAILURE"]
    result: Dotted = "result"


class Cause(Entry):
    """What over HTTP makes a message arrive at somebody who is signed in."""

    cause: PathText = Field(description="A POST here makes a message.")
    body: Body = Field(description="`{word}` is looked for in the message, `{me}` is the account.")
    status: Statuses = [201]
    id: Dotted | Absent = Field(description="Where the id of what was made lies, to delete it.")
    one: str = "{path}{id}/"


class Socket(Cause):
    """A WebSocket, and what makes a message arrive there."""

    path: PathText
    token: str | Absent = Field(
        default="token", description="Query parameter that carries the token."
    )
    subprotocols: list[str] = Field(
        default=[], description="What is offered; `{token}` is filled in, as in the next two."
    )
    headers: dict[str, str] = {}
    first: Body | None = Field(default=None, description="Message that is sent at once.")
    # A body of the one key `absent` is no body.
    welcome: Absent | Body = Field(
        union_mode="left_to_right", description="Fields of the first message."
    )
    event: Body = Field(description="Fields of the message that is waited for.")


class Live(Cause):
    """A message that people see on the page without asking for it."""

    shows: str = Field(description="CSS selector of where messages appear.")


class Frontend(Entry):
    """The page that people use, as a browser finds it; all but its path are CSS selectors."""

    path: PathText = Field(default="/", description="Where people sign in.")
    username: str = Field(description="The field that takes the name.")
    password: str = Field(description="The field that takes the password.")
    submit: str = Field(description="What is clicked then.")
    shows: str = Field(description="Rows that somebody who is signed in sees.")
    live: Live | Absent
    # A body of the one key `absent` is no body.
    stale: Absent | dict[str, str] = Field(
        union_mode="left_to_right",
        description="Items of the browser's storage, as a session that has run out leaves them.",
    )
    storage: Literal["local", "session"] = "local"


class System(Entry):
    """One system of the application."""

    sign_ins: Annotated[list[SignIn], Field(min_length=1)]
    health: Health | Absent
    records: Records | Absent
    upload: Upload | Absent
    task: Task | Absent
    socket: Socket | Absent
    frontend: Frontend | Absent = Absent(absent="the profile says nothing of it")
    message: Annotated[list[Dotted], Field(min_length=1)] | Absent = Field(
        default=["message", "error", "detail"], description="Where an error says what is wrong."
    )
    reads: Annotated[list[PathText], Field(min_length=1)] | Absent = Field(
        description="Reads that are timed."
    )
    reads_query: dict[str, str | int] = {}

    @model_validator(mode="after")
    def knows_whom_a_message_is_for(self) -> Self:
        """Refuse a body that names the account, where no door tells which that is."""
        named = any("{me}" in str(each.body) for each in self._causes())
        if named and not any(each.me for each in self.sign_ins):
            why = "names `{me}` in a body, and no `sign_ins` entry has a `me` to ask"
            raise PydanticCustomError("nobody_named", why)
        return self

    def _causes(self) -> Iterator[Cause]:
        live = self.frontend.live if isinstance(self.frontend, Frontend) else None
        return filter(is_cause, (self.socket, live))

    def door(self, role: str) -> SignIn | None:
        """Return the door that a role uses; None where it may use none."""
        own = [each for each in self.sign_ins if role in each.kinds]
        open_to_all = [each for each in self.sign_ins if not each.kinds]
        return next(iter(own + open_to_all), None)

    def message_places(self) -> list[str]:
        """Return where an error may say what is wrong; nowhere where the profile has no place."""
        return [] if isinstance(self.message, Absent) else self.message


def is_cause(entry: object) -> TypeGuard[Cause]:
    """Tell whether an entry of a profile makes a message."""
    return isinstance(entry, Cause)

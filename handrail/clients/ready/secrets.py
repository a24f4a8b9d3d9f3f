"""Whether the secrets that an inventory names are there and of the form that their key promises."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from handrail.clients.accounts import Accounts
from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.clients.ready.claim import NotReady
from handrail.clients.ready.expiry import end_of_token, lasts
from handrail.clients.secret import Secret, is_reference


def named(data: Any, key: str = "") -> Iterator[tuple[str, str]]:  # Any: inventory data
    """Yield each reference in an inventory's data, with the key it stands under."""
    match data:
        case Mapping():
            for name, value in data.items():
                yield from named(value, str(name))
        case list() | tuple():
            for value in data:
                yield from named(value, key)
        case str() if is_reference(data):
            yield key, data


def is_there(key: str, reference: str) -> str:
    """Return that a secret can be read and has its form; nothing of its value.

    Raises:
        NotReady: it cannot, or has another form.
    """
    secret = Secret(reference)
    try:
        value = secret.reveal()
        _form_of(key)(secret, value)
        if ends := end_of_token(value):
            lasts(f"`{reference}`", ends, f"get a new token, and put it into `{reference}`")
    except NotReady:
        raise
    except ClientError as error:
        raise NotReady(error.what, error.why, error.fix) from None
    return f"it is there, for `{key}`"


def _form_of(key: str) -> Callable[[Secret, str], None]:
    """Return what checks the form of a secret under a key."""
    return next((check for end, check in FORMS.items() if key.endswith(end)), _one_line)


def _database(secret: Secret, value: str) -> None:
    if not Database(secret).name or not value:
        raise _other(secret, "it names no database", "write postgresql://user:password@host/name")


def _address(*schemes: str) -> Callable[[Secret, str], None]:
    def check(secret: Secret, value: str) -> None:
        if not value.startswith(tuple(f"{each}://" for each in schemes)) or " " in value:
            wanted = " or ".join(f"{each}://…" for each in schemes)
            raise _other(secret, "it is not such an address", f"write {wanted}")

    return check


def _accounts(secret: Secret, value: str) -> None:
    if not Accounts(secret).load() or not value:
        raise _other(secret, "it holds no account", "write at least one")


def _one_line(secret: Secret, value: str) -> None:
    """Refuse what no key or password holds: it was pasted with what stood around it."""
    if not value.isprintable() or value != value.strip():
        raise _other(secret, "it holds a line break or ends with a space", "write the value alone")
    if value.startswith(("<", "…")) or value.upper() in ("CHANGEME", "TODO", "XXX"):
        raise _other(secret, "it still holds what was to be replaced", "write the value")


def _other(secret: Secret, why: str, fix: str) -> NotReady:
    what = f"secret `{secret.reference}` does not have the form of its key"
    return NotReady(what, why, f"{fix} into `{secret.reference}`, and nothing else")


# By the end of the key that it stands under.
FORMS: Mapping[str, Callable[[Secret, str], None]] = {
    "database": _database,
    "redis": _address("redis", "rediss"),
    "alerts": _address("http", "https"),
    "canaries": _accounts,
    "accounts": _accounts,
}

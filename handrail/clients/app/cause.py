"""Something made over HTTP so that a message of it arrives; nothing of it stays."""

from collections.abc import Iterator
from contextlib import contextmanager

from handrail.clients.app.application import answered
from handrail.clients.app.profile import Cause
from handrail.clients.http import Http
from handrail.clients.http_answer import Answer
from handrail.clients.places import filled


@contextmanager
def made(http: Http, cause: Cause, word: str, me: object) -> Iterator[Answer]:
    """Make it for a `with` block, and delete it at the end; its answer may be a refusal.

    Args:
        http: A client that carries the token of whoever makes it.
        cause: Where and how.
        word: Text that no other message holds.
        me: Id of the account that the message is for.
    """
    answer = http.post(cause.cause, body=filled(cause.body, {"word": word, "me": me}))
    try:
        yield answer
    finally:
        if answer.status in cause.status and isinstance(cause.id, str):
            values = {"path": cause.cause, "id": answered(answer, cause.id)}
            http.request("DELETE", filled(cause.one, values))

"""Whether a worker does what it is asked."""

import secrets
import time
from datetime import UTC, datetime, timedelta

from handrail.clients.app.application import Application, answered
from handrail.clients.app.profile import Task
from handrail.clients.app.seen import Seen, status
from handrail.clients.http import Answer, Http
from handrail.clients.places import filled, found

POLL_SECONDS = 0.25


def seen(app: Application, http: Http, task: Task, timeout_seconds: float) -> Seen:
    """Start a background task, and wait for its result.

    Raises:
        ClientError: an answer does not hold what the profile says.
    """
    word = secrets.token_hex(4)
    asked = http.post(task.path, body=filled(task.body, {"word": word}))
    if asked.status not in task.status:
        return Seen(f"the task is answered {status(asked)} {app.message(asked)}".rstrip())
    one = filled(task.one, {"path": task.path, "id": answered(asked, task.id)})
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    while datetime.now(UTC) < deadline:
        if ended := _ended(http.get(one), task, word):
            return ended
        time.sleep(POLL_SECONDS)
    return Seen(f"no worker did the task in {timeout_seconds:g} s")


def _ended(answer: Answer, task: Task, word: str) -> Seen | None:
    """Return how a task ended; None while it goes on."""
    state = str(answered(answer, task.state))
    if state in task.done:
        same = word in str(found(answer.json(), task.result))
        return Seen() if same else Seen("the task's result is not what it was given")
    return Seen("the task failed") if state in task.failed else None

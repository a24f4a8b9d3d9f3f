"""Task 6.1: a worker does what it is asked."""

import secrets
import time
from datetime import UTC, datetime, timedelta

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app.application import answered, filled, found
from handrail.clients.app.profile import Absent, Task
from handrail.clients.http import Http
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import application, none_there, signed_in

TASK_POLL_SECONDS = 0.25


@gate(fix="read the logs of the worker on Render, mend, then the same command again")
def task_is_done(
    *,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    timeout_seconds: float = 30,
) -> Finding:
    """A background task is taken by a worker and its result comes back."""
    app = application(web_url, profile, system)
    task = app.system.task
    if isinstance(task, Absent):
        return none_there(task, "background task")
    http, _ = signed_in(app, canaries)
    word = secrets.token_hex(4)
    asked = http.post(task.path, body=filled(task.body, {"word": word}))
    if asked.status not in task.status:
        return fails(f"the task is answered {asked.status} {app.message(asked)}")
    one = filled(task.one, {"path": task.path, "id": answered(asked, task.id)})
    return result_of(http, task, one, word, timeout_seconds)


def result_of(http: Http, task: Task, one: str, word: str, timeout_seconds: float) -> Finding:
    """Wait for the end of a task, and look for the word in its result."""
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    while datetime.now(UTC) < deadline:
        answer = http.get(one)
        state = str(answered(answer, task.state))
        if state in task.done:
            same = word in str(found(answer.json(), task.result))
            return holds() if same else fails("the task's result is not what it was given")
        if state in task.failed:
            return fails("the task failed")
        time.sleep(TASK_POLL_SECONDS)
    return fails(f"no worker did the task in {timeout_seconds:g} s")

"""Task 6.1: a worker does what it is asked."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app import task as tasks
from handrail.clients.app.profile import Absent
from handrail.engine import FROM_TARGET, Finding, gate

from ..applications import application, finding, none_there, signed_in


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
    return finding(tasks.seen(app, http, task, timeout_seconds))

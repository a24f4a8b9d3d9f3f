"""Release the Django services: an ordinary day, after the cutover.

    pyinfra inventory/prod.py runbooks/release.py --dry    what would happen, and why
    pyinfra inventory/prod.py runbooks/release.py          after a failure, the same again

Releases the tip of the branch. Where a gate is red afterwards, the run is rolled back at once: the
services run what they ran before. Each release is a run of its own.
"""

from handrail.engine import begin
from operations import backup, deploy, job, monitor, smoke
from operations.targets import NEEDS

here = begin(NEEDS, recurs=True, back_when_red=True)

# Nothing is released onto a system that is ill already.

smoke.health(
    task="R1", name="See database, Redis and Celery healthy before", on="production", until="R2"
)
backup.take(
    task="R2",
    name="Back up the Django database and prove it by a restore",
    on="production",
    database=here.destination,
    label="before-release",
)

# A job runs on the newest build of its service. Beat reads no table, so its build is made first:
# the tables change while users still have the code of before.

deploy.release(
    task="R3",
    name="Deploy beat, whose build then holds the new migrations",
    on="production",
    services=[here.services["beat"]],
)
job.run(
    task="R4",
    name="Migrate the Django database, by a job on that build",
    on="production",
    service=here.services["beat"],
    command="python manage.py migrate --noinput",
    proof="python manage.py migrate --check",
    timeout_seconds=900,
)
deploy.release(
    task="R5",
    name="Deploy web first, then channels and worker, and wait until they are live",
    on="production",
    services=[here.services["web"], here.services["channels"], here.services["worker"]],
)

job.passes(
    task="R6",
    name="Let Django check itself for deployment",
    on="production",
    service=here.services["web"],
    command="python manage.py check --deploy",
    timeout_seconds=300,
)
smoke.health(task="R7", name="See database, Redis and Celery healthy", on="production")
smoke.accounts_sign_in(
    task="R8", name="Sign in with the passwords that users have", on="production"
)
smoke.records_round_trip(
    task="R9", name="Read all 19 tables; make, change and delete a record", on="production"
)
smoke.task_is_done(task="R10", name="Let the worker do a task", on="production")
smoke.notification_arrives(
    task="R11", name="Receive a notification on the WebSocket", on="production"
)
smoke.users_work_in_a_browser(
    task="R12", name="Sign in to the frontend in a real browser, see rows", on="production"
)
monitor.reads_are_quick(
    task="R13", name="Measure reads: 95 of 100 under half a second", on="production"
)

"""Archive and remove the Node backend, once production has been stable on Django.

pyinfra inventory/prod.py runbooks/retire.py
"""

from handrail.engine import begin
from operations import (
    archive,
    blueprint,
    deploy,
    docs,
    files,
    interlock,
    job,
    monitor,
    server_dir,
    service,
    smoke,
    verify,
)
from operations.targets import NEEDS

here = begin(NEEDS, requirements="inventory/rotc.requirements.yaml")

interlock.is_over(
    task="14",
    name="See the cutover backed up, watched and drilled, and no doubt left, on record",
    on="production",
    runbook="cutover",
    backups=["9.1", "9.1.1", "9.1.2"],
    soak="11.3",
    switched="11.2",
)
monitor.has_been_stable(
    task="14.0",
    name="See that production was stable over the whole window",
    on="production",
    services=[here.services["web"]],
    runbook="cutover",
    watched="11.3",
)
service.suspend(
    task="14.0.1",
    name="Suspend the Node service and the cron job that woke it; both can be resumed",
    on="production",
    services=[here.legacy_service, here.keepalive_service],
)
archive.branch(
    task="14.1",
    name="Keep the Node code on an archive branch",
    on="repository",
    branch=here.archive_branch,
    path="server",
)
server_dir.delete(
    task="14.2",
    name="Delete server/, its dependencies and its scripts",
    on="repository",
    archive=here.archive_branch,
    path="server",
    scripts=here.package_scripts_to_remove,
    kept=["rotc_backend/scripts", "client/package.json", "render.yaml"],
    mentions=[],
)
files.put(
    task="14.3",
    name="Publish the migration completion document",
    on="repository",
    files={
        "docs/MIGRATION.md": "inventory/files/docs/MIGRATION.md",
        "docs/ARCHITECTURE.md": "inventory/files/docs/ARCHITECTURE.md",
        "docs/API.md": "inventory/files/docs/API.md",
    },
)
files.put(
    task="15.1",
    name="Let the README describe the Django backend",
    on="repository",
    files={"README.md": "inventory/files/docs/README.md"},
)
files.put(
    task="15.2",
    name="Document sign-in and the development workflows",
    on="repository",
    files={"docs/DEVELOPMENT.md": "inventory/files/docs/DEVELOPMENT.md"},
)
files.put(
    task="15.3",
    name="Document deployment and troubleshooting",
    on="repository",
    files={"docs/DEPLOYMENT.md": "inventory/files/docs/DEPLOYMENT.md"},
)
docs.name_no_legacy(
    task="15.4",
    name="See that no document speaks of the Node backend as if it were there",
    on="repository",
    paths=[
        "README.md",
        "docs/API.md",
        "docs/ARCHITECTURE.md",
        "docs/DEPLOYMENT.md",
        "docs/DEVELOPMENT.md",
        "docs/STATE_PRESERVATION.md",
        "*.md",
        "*.rst",
        "*.txt",
    ],
    words=["Express", "server/", "Node.js backend"],
    excluded=["docs/MIGRATION.md", "docs/ROLLBACK.md", "*/node_modules/*"],
)

# 16: what the plan asks at the end, each a gate in the ledger; 15.4 saw the documents

smoke.health(task="16", name="See database, Redis and Celery healthy", on="production")
smoke.accounts_sign_in(task="16.1", name="Sign in with known accounts", on="production")
smoke.frontend_reaches_backend(
    task="16.2", name="Use the backend as a browser on the frontend would", on="production"
)
smoke.users_work_in_a_browser(
    task="16.3",
    name="Sign in to the frontend in a real browser, see rows and a message",
    on="production",
)
deploy.services_are_live(
    task="16.4",
    name="See all four services live, with the code and variables that they should have",
    on="production",
    services=[
        here.services["web"],
        here.services["channels"],
        here.services["worker"],
        here.services["beat"],
    ],
)
verify.rows_hold_together(
    task="16.5", name="See every relation, unique and sequence hold", on="production"
)
archive.is_all_that_is_left(
    task="16.6",
    name="See the Node code on the archive branch only",
    on="repository",
    branch=here.archive_branch,
    path="server",
)
blueprint.is_valid(task="16.7", name="See render.yaml still valid", on="repository")
job.passes(
    task="16.8",
    name="Run the application's own tests inside staging",
    on="staging",
    service=here.services["web"],
    command="python manage.py test --noinput",
    timeout_seconds=1800,
)

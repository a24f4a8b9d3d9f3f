"""Cut the ROTC Grading System over from Node.js to Django: one call for each task of the plan.

    pyinfra inventory/prod.py runbooks/cutover.py --dry    what would happen, and why
    pyinfra inventory/prod.py runbooks/cutover.py          run it; after a failure, the same again

Task ids are the plan's; one more number marks a step that the plan's task needs and does not name.
"""

from handrail.engine import begin, hold
from operations import (
    backup,
    bind,
    blueprint,
    client,
    data,
    deploy,
    env,
    files,
    freeze,
    frontend,
    job,
    linked,
    monitor,
    package_json,
    ready,
    service,
    smoke,
    sync,
    trial,
    verify,
    way_back,
)
from operations.targets import NEEDS

here = begin(NEEDS, requirements="inventory/rotc.requirements.yaml")

# fmt: off
# A plan is read as a table: task and sentence on one line, target and arguments below.

service.pause_autodeploy(
    task="0.1", name="Stop pushes from deploying by themselves",
    on="system", services=[here.legacy_service, here.frontend_service],
    made_later=[here.frontend_service],
)
sync.pause(task="0.1.1", name="Stop pushes of render.yaml from changing services", on="production")

# 1-2: the app's configuration, in its repository

bind.gunicorn(task="1.1", name="Bind gunicorn to 0.0.0.0:$PORT", on="repository")
bind.daphne(task="1.2", name="Start daphne on 0.0.0.0:$PORT", on="repository")
blueprint.replace(
    task="2.1", name="Describe the four Django services in render.yaml", on="repository"
)
package_json.put_scripts(
    task="2.2", name="Build and serve the frontend without the Node backend", on="repository"
)

# 8.1 to 8.3 as programs, which 14.2 keeps; here, because each change of the backend is deployed

files.put(
    task="8.0", name="Publish the three migration scripts, with the mapping beside them",
    on="repository", files=here.migration_scripts,
)

# 3: services and their environment variables

service.create(
    task="3.0", name="Create the four Django services, with autodeploy off",
    on="system", addresses={"web": here.web_url, "channels": here.channels_url}, asleep=["beat"],
)
service.create_site(
    task="3.0.1", name="See a static site serve the frontend, or make it where Node did",
    on="system", variables={"VITE_API_URL": here.legacy_url},
)
env.put(
    task="3.1", name="Set Django's core variables",
    on="system", variables={
        "DJANGO_SETTINGS_MODULE": "config.settings.production", "DEBUG": "false",
        "PYTHON_VERSION": here.python_version,
    },
)
env.generate_key(
    task="3.1.1", name="Make one secret key for all services", on="system", variable="SECRET_KEY"
)
env.put(
    task="3.2", name="Set the allowed hosts and origins",
    on="system",
    variables={"ALLOWED_HOSTS": here.allowed_hosts, "CORS_ALLOWED_ORIGINS": here.frontend_url},
)
env.put(
    task="3.3", name="Set the database and Redis addresses",
    on="system", variables={
        "DATABASE_URL": here.destination, "REDIS_URL": here.redis,
        "CELERY_BROKER_URL": here.redis, "CELERY_RESULT_BACKEND": here.redis,
    },
)
env.put(
    task="3.4", name="Set Cloudinary credentials", on="system", variables=here.cloudinary_variables
)

# 4: Django runs beside Node; nobody uses it yet. Beat waits until the data is verified: its nightly
# task would delete what was just migrated.

deploy.release(
    task="4", name="Deploy web, channels and worker, and wait until they are live",
    on="system",
    services=[here.services["web"], here.services["channels"], here.services["worker"]],
)
job.run(
    task="4.0.1", name="Migrate the Django database, by a job of the web service",
    on="system", command="python manage.py migrate --noinput",
    proof="python manage.py migrate --check", timeout_seconds=900,
)
job.passes(
    task="4.0.2", name="Let Django check itself for deployment",
    on="system", command="python manage.py check --deploy", timeout_seconds=300,
)
smoke.health(task="4.1", name="See database, Redis and Celery healthy", on="system")

# 5: the frontend's files

files.put(
    task="5.1", name="Point the frontend's build at Django",
    on="repository", files={"client/.env.production": "inventory/files/client/env.production"},
)
files.put(
    task="5.2", name="Let the API client speak to /api/v1/",
    on="repository", files={"client/src/utils/api.js": "inventory/files/client/api.js"},
)
files.put(
    task="5.3", name="Let the WebSocket client speak to Channels",
    on="repository", files={"client/src/utils/websocket.js": "inventory/files/client/websocket.js"},
)
client.uses_the_new_files(
    task="5.3.1", name="See that the application imports both clients",
    on="repository", page="client/index.html",
    files=["client/src/utils/api.js", "client/src/utils/websocket.js"],
)
files.put(
    task="5.4", name="Publish the tests of the API client, its properties among them",
    on="repository", files=here.client_tests,
)
package_json.put_scripts(
    task="5.5", name="Let `npm test` in client/ run them",
    on="repository", path="client/package.json", scripts=here.client_scripts, remove=[],
)

# 6-7: all of it in staging, with staging's own rows

backup.take(
    task="6.0", name="Back up staging's Django database and prove it by a restore",
    on="staging", database=here.destination, label="django",
)
data.load(
    task="6.0.1", name="Load staging's legacy rows into its Django", on="staging", label="django"
)
frontend.release(
    task="6.1", name="Publish staging's frontend against Django",
    on="staging", variables={"VITE_API_URL": here.web_url, "VITE_WS_URL": here.websocket_url},
)
smoke.accounts_sign_in(task="6.1.1", name="Sign in to staging with known accounts", on="staging")
smoke.records_round_trip(
    task="6.1.2", name="Read staging's 19 tables; make, change and delete a record", on="staging"
)
smoke.upload_is_served(task="6.1.3", name="Upload a file in staging and get it back", on="staging")
smoke.task_is_done(task="6.1.4", name="Let staging's worker do a task", on="staging")
smoke.notification_arrives(
    task="6.1.5", name="Receive a notification on staging's WebSocket", on="staging"
)
job.passes(
    task="6.1.6", name="Run the application's own tests inside staging",
    on="staging", command="python manage.py test --noinput", timeout_seconds=1800,
)
smoke.frontend_reaches_backend(
    task="6.2", name="Use staging's backend as a browser on staging's frontend would", on="staging"
)
smoke.users_work_in_a_browser(
    task="6.2.1", name="Sign in to staging's frontend in a real browser, see rows and a message",
    on="staging",
)
monitor.reads_are_quick(
    task="7", name="Measure staging's reads: 95 of 100 under half a second", on="staging"
)

# 13 stands before production, as the plan's notes ask: nobody goes on without a tried way back

files.put(
    task="13.1", name="Publish the rollback procedure",
    on="repository", files={"docs/ROLLBACK.md": "inventory/files/docs/ROLLBACK.md"},
)
trial.switch_back(
    task="13.2", name="Switch staging back to Node and forth again, against the clock",
    on="staging", system="legacy", max_minutes=15,
)
files.put(
    task="13.3", name="Publish how Django's state is kept at a rollback",
    on="repository",
    files={"docs/STATE_PRESERVATION.md": "inventory/files/docs/STATE_PRESERVATION.md"},
)

# 8: the three data tools are tried on production before anything is stopped

verify.mapping_fits(
    task="8.1", name="Hold the mapping against both live databases", on="production"
)
verify.rows_fit(
    task="8.2", name="Try all rows against the mapping, write nothing", until="9.3", on="production"
)
verify.notices_missing_rows(
    task="8.3", name="See the verification refuse an empty database", until="9.3", on="production"
)
linked.files_answer(
    task="8.3.1", name="Ask for every file that the legacy rows point to", on="production"
)

# The rows move while users still write; the freeze then lasts as long as what came since

backup.take(
    task="8.4", name="Back up the legacy database in use, and prove that it can be restored",
    on="production", database=here.source, label="legacy-in-use",
)
backup.take(
    task="9.1.1", name="Back up the Django database and prove it by a restore",
    on="production", database=here.destination, label="django",
)
freeze.writes(
    task="8.5", name="Stop writes before the rows move, if the long way is asked for",
    on="production", asked=here.freeze_before_load, until="11.2",
)
data.load(
    task="8.6", name="Load all rows into the Django database", on="production", label="django"
)
data.catch_up(
    task="8.7", name="Bring over what was written meanwhile", on="production", bound_seconds=30
)

# 9-10: the night: from here on the legacy system takes no writes

smoke.accounts_sign_in(
    task="9.0.1", name="Sign in to Node with known accounts, to compare with later",
    on="production", until="9.0.2", web_url=here.legacy_url, system="legacy",
)
ready.outside_answers(
    task="9.0.1.1", name="See key, repository, third parties' secrets and alerts ready",
    on="production", until="9.0.2",
)
ready.databases_allow_it(
    task="9.0.1.2", name="See databases, roles and disk ready", on="production", until="9.0.2"
)
way_back.fits(
    task="9.0.1.3", name="See that a way back fits in what it may take, by what it took before",
    on="production", until="9.0.2",
)
monitor.figures_are_there(
    task="9.0.1.4", name="See what the watch will go by", on="production", until="9.0.2"
)
hold(label="before-the-night", name="Everything before the night is done; nothing is stopped")
hold(label="users-back", name="Users work with Node as before; what was prepared stays")
freeze.writes(
    task="9.0.2", name="Stop writes on the legacy database", on="production", until="11.2"
)
backup.take(
    task="9.1", name="Back up the legacy database as it rests; 8.4 proved that it can be restored",
    on="production", database=here.source, label="legacy", proven=False,
    exports_to=here.destination, mapping=here.mapping,
)
data.export(task="9.2", name="Export all legacy tables to files, with a manifest", on="production")
data.catch_up(
    task="9.3", name="Bring the last rows over: all are in Django", on="production", bound_seconds=0
)
verify.rows_are_equal(
    task="9.4", name="Compare all rows, relations, sequences and file addresses", on="production"
)
smoke.accounts_sign_in(
    task="10", name="Sign in to Django with the passwords users have", on="production"
)
smoke.upload_is_served(
    task="10.1", name="Upload a file with production's credentials and get it back", on="production"
)
hold(label="loaded", name="Every row is in Django; users still have Node, which takes no writes")

# 11-12: production turns to Django

deploy.release(
    task="11.1", name="See web, channels and worker live",
    on="system",
    services=[here.services["web"], here.services["channels"], here.services["worker"]],
)
smoke.health(task="11.1.1", name="See database, Redis and Celery healthy", on="system")
frontend.release(
    task="11.2", name="Publish the frontend against Django: users switch now",
    on="production", stake="users work with Django, and nobody has watched it yet", until="11.3",
    confirm_minutes=here.confirm_switch_minutes,
    variables={"VITE_API_URL": here.web_url, "VITE_WS_URL": here.websocket_url},
)
smoke.frontend_reaches_backend(
    task="11.2.1", name="Use the backend as a browser on the frontend would", on="production"
)
smoke.users_work_in_a_browser(
    task="11.2.2", name="Sign in to the frontend in a real browser, see rows and a message",
    on="production",
)
deploy.release(
    task="11.2.3", name="Start beat; users need not wait for it",
    on="system", services=[here.services["beat"]],
)
backup.prove(
    task="9.1.2",
    name="Prove the last backup of the legacy database by a restore, which nobody waits for",
    on="production", database=here.source, label="legacy",
)
monitor.watch(
    task="11.3", name="Watch errors and latency over the whole window",
    on="production", services=[here.services["web"]], policy=here.soak_policy,
)
smoke.records_round_trip(
    task="12", name="Read all 19 tables; make, change and delete a record", on="production"
)
smoke.notification_arrives(
    task="12.1", name="Receive a notification on the WebSocket", on="production"
)
linked.files_still_answer(
    task="12.2", name="Ask once more for the files that answered before", on="production"
)

"""What is the same in every environment: the app, and what becomes of it."""

mapping = "inventory/rotc.yaml"
system = "django"  # the new one, as the profile names it
profile = "inventory/rotc.profile.yaml"  # what the application looks like from outside
# Uses the frontend as people do; where there is none: {"absent": "why"}.
browser = {"program": "/usr/bin/chromium"}
tables = [
    "users",
    "user_settings",
    "cadets",
    "grades",
    "training_staff",
    "training_days",
    "attendance_records",
    "staff_attendance_records",
    "excuse_letters",
    "merit_demerit_logs",
    "activities",
    "activity_images",
    "admin_messages",
    "staff_messages",
    "notifications",
    "push_subscriptions",
    "system_settings",
    "audit_logs",
    "sync_events",
]
python_version = "3.11.0"
archive_branch = "archive/nodejs-backend"

# Names on Render, by the part they play.
services = {
    "web": "rotc-django-web",
    "channels": "rotc-django-channels",
    "worker": "rotc-celery-worker",
    "beat": "rotc-celery-beat",
}
# Entries of render.yaml, https://render.com/docs/blueprint-spec. No build migrates: four that
# migrate one database at once get in each other's way, and a failed build would leave it half done.
# The runbook migrates by a job of the web service.
definitions = {
    "web": {
        "type": "web",
        "runtime": "python",
        "plan": "starter",
        "region": "oregon",
        "rootDir": "rotc_backend",
        "buildCommand": "pip install -r requirements.txt"
        " && python manage.py collectstatic --noinput",
        # Render's own GUNICORN_CMD_ARGS ranks above the configuration file, not above this line.
        "startCommand": "gunicorn config.wsgi:application -c gunicorn.conf.py --bind 0.0.0.0:$PORT",
        "healthCheckPath": "/api/health",
        "autoDeployTrigger": "off",
    },
    "channels": {
        "type": "web",
        "runtime": "python",
        "plan": "starter",
        "region": "oregon",
        "rootDir": "rotc_backend",
        "buildCommand": "pip install -r requirements.txt",
        "startCommand": "sh bin/channels.sh",
        "autoDeployTrigger": "off",
    },
    "worker": {
        "type": "worker",
        "runtime": "python",
        "plan": "starter",
        "region": "oregon",
        "rootDir": "rotc_backend",
        "buildCommand": "pip install -r requirements.txt",
        "startCommand": "celery -A config worker --loglevel info",
        "autoDeployTrigger": "off",
    },
    "beat": {
        "type": "worker",
        "runtime": "python",
        "plan": "starter",
        "region": "oregon",
        "rootDir": "rotc_backend",
        "buildCommand": "pip install -r requirements.txt",
        "startCommand": "celery -A config beat --loglevel info --schedule celerybeat-schedule",
        "autoDeployTrigger": "off",
    },
}
# What becomes of the other services of render.yaml: all that is not named here stays as it is.
blueprint_others = {
    "legacy": ["rotc-legacy", "rotc-keepalive"],  # they go
    "held": ["rotc-frontend"],  # pushes must not deploy them while the plan is at work
    # Written where the file has no static site because Node served the frontend.
    "site": {
        "name": "rotc-frontend",
        "type": "web",
        "runtime": "static",
        "buildCommand": "cd client && npm install && npm run build",
        "staticPublishPath": "client/dist",
        "autoDeployTrigger": "off",
        "routes": [{"type": "rewrite", "source": "/*", "destination": "/index.html"}],
    },
}
# How both servers are started: the files, from the root of the repository, and what they must say.
gunicorn = {"path": "rotc_backend/gunicorn.conf.py", "workers": 4, "timeout_seconds": 120}
daphne = {"path": "rotc_backend/bin/channels.sh", "websocket_timeout_seconds": 86_400}
api_prefix = "/api/v1"  # path of the API that the frontend asks
package_scripts = {
    "build": "cd client && npm install && npm run build",
    "start": "cd client && npm run preview",
    "dev": "cd rotc_backend && python manage.py runserver",
    "backend": "cd rotc_backend && python manage.py runserver",
    "migrate": "cd rotc_backend && python manage.py migrate",
    "test": "cd rotc_backend && python manage.py test",
}
# The tests have packages of their own, so that no build of the frontend takes any for them.
client_scripts = {"test": "cd tests && npm ci && npm test"}
# They look for server/, or install it, and would break the frontend's build once it is gone.
package_scripts_to_remove = ["prebuild", "prestart", "server:install"]

# The move as three programs, with the mapping beside them: by path, what each is written from.
migration_scripts = {
    "rotc_backend/scripts/export_nodejs_data.py": "inventory/files/scripts/export.py.txt",
    "rotc_backend/scripts/import_django_data.py": "inventory/files/scripts/import.py.txt",
    "rotc_backend/scripts/verify_migration.py": "inventory/files/scripts/verify.py.txt",
    "rotc_backend/scripts/mapping.yaml": mapping,
    "rotc_backend/scripts/requirements.txt": "inventory/files/scripts/requirements.txt",
    "rotc_backend/scripts/README.md": "inventory/files/scripts/README.md",
}

# The tests of the frontend's API client, likewise.
client_tests = {
    "client/tests/errors.test.mjs": "inventory/files/client/tests/errors.test.mjs",
    "client/tests/package-lock.json": "inventory/files/client/tests/package-lock.json",
    "client/tests/package.json": "inventory/files/client/tests/package.json",
    "client/tests/properties.test.mjs": "inventory/files/client/tests/properties.test.mjs",
    "client/tests/surroundings.mjs": "inventory/files/client/tests/surroundings.mjs",
}

# For a deploy: the longest wait, and the pause between two looks.
waiting = {"timeout_seconds": 2400, "poll_seconds": 5.0}
poll_seconds = 5.0  # of a gate
workers = 2  # processes that load rows at a time
root = "rotc_backend"  # the backend's folder in the repository
# The files that rows point to: all are asked for before the freeze, some at a time, and those that
# answered once more after the switch. So many may be dead already; none may die since.
ask_for_files = True
linked_files = {"within_seconds": 1200, "timeout_seconds": 10, "workers": 16, "max_dead": 0}
# What only the application's secret opens at a third party: asked before the night, with the values
# that task 3.4 sets. A secret of another kind: {"url": …, "token": …}, and perhaps its `header`.
third_parties = {
    "Cloudinary": {
        "url": "https://api.cloudinary.com/v1_1/{CLOUDINARY_CLOUD_NAME}/ping",
        "user": "{CLOUDINARY_API_KEY}",
        "password": "{CLOUDINARY_API_SECRET}",
    },
}
# Roles whose sessions on the legacy database a freeze leaves alone, each with a reason, such as
# {"datadog": "the provider's monitoring, which only reads"}.
sessions_let_be: dict[str, str] = {}
# The long way: writes stop before the rows move, and nothing has to be brought over later.
freeze_before_load = False
# Where the watch after the switch is red: "propose" the way back, or "run" it at once.
soak_policy = "propose"
# 11.2 is put back unless somebody confirms it so soon; 0: it stays whatever nobody says.
confirm_switch_minutes = 0.0

# What a monitored system is held to: over so long, of so many requests at least, so few may fail,
# and of 100 reads 95 are done in so many seconds.
window_seconds = 24 * 3600
drilled = True
coverage = 0.95  # of the watch: gaps are no data
# Errors of 100 requests that may be over a month, and what is too much at any moment.
limits = {"budget_percent": 0.5, "error_percent": 5, "p95_seconds": 1.0}
min_requests = 1000
max_error_percent = 5.0
max_p95_seconds = 0.5
requests = 200  # reads at once, where there is no window to wait for
monitor = {"poll_seconds": 60, "timeout_seconds": 30 * 3600}  # between two looks; for the window

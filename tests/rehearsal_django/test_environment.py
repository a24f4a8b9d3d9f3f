"""A service that is told too little, or nonsense, says which variable and does not start."""

import json
import sys

import pytest

from tests.rehearsal_django.stack import BIN

REQUIRED = (
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "CORS_ALLOWED_ORIGINS",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "CLOUDINARY_CLOUD_NAME",
    "CLOUDINARY_API_KEY",
    "CLOUDINARY_API_SECRET",
)
MALFORMED = (
    ("SECRET_KEY", "short-and-secret"),
    ("DEBUG", "perhaps"),
    ("ALLOWED_HOSTS", "https://rotc.example.org"),
    ("ALLOWED_HOSTS", ","),
    ("CORS_ALLOWED_ORIGINS", "rotc.example.org"),
    ("CORS_ALLOWED_ORIGINS", "https://rotc.example.org/app"),
    ("DATABASE_URL", "mysql://me:hidden@localhost/rotc"),
    ("DATABASE_URL", "postgresql://me:hidden@localhost:port/rotc"),
    ("DATABASE_URL", "postgresql://me:hidden@localhost"),
    ("REDIS_URL", "http://:hidden@localhost"),
    ("CELERY_BROKER_URL", "amqp://me:hidden@localhost"),
    ("CELERY_RESULT_BACKEND", "redis://"),
    ("BEAT_INTERVAL_SECONDS", "soon"),
    ("CELERY_WORKER_CONCURRENCY", "0"),
    ("SECURE_SSL_REDIRECT", "on"),
)
# One process reads the settings once a case, since starting one a case would take a while.
READ_SETTINGS = """
import importlib, json, os, sys
complete = dict(os.environ)
for name, value in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update(complete)
    os.environ.pop(name) if value is None else os.environ.update({name: value})
    sys.modules.pop("config.settings.production", None)
    try:
        importlib.import_module("config.settings.production")
    except Exception as error:
        print(json.dumps([name, value, type(error).__name__, str(error)]))
"""
SERVICES = {
    "web": (BIN / "gunicorn", "--bind", "127.0.0.1:0", "config.wsgi:application"),
    "channels": (BIN / "daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application"),
    "worker": (BIN / "celery", "-A", "config", "worker"),
    "beat": (BIN / "celery", "-A", "config", "beat"),
}


@pytest.fixture(scope="module")
def refusals(prepared):
    """What the settings say to each case, by variable and value; nothing where they are content."""
    cases = [*((name, None) for name in REQUIRED), *MALFORMED]
    answer = prepared.try_command(sys.executable, "-c", READ_SETTINGS, json.dumps(cases))
    assert answer.returncode == 0, answer.stdout
    lines = (json.loads(line) for line in answer.stdout.splitlines())
    return {(name, value): (kind, message) for name, value, kind, message in lines}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_named(refusals, name):
    """The error is Django's own for a bad configuration, and says what to set to what."""
    kind, message = refusals[name, None]

    assert kind == "ImproperlyConfigured"
    assert message.startswith(f"Environment variable {name} is missing; it must be ")


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_variable_is_named_but_not_shown(refusals, name, value):
    """The error says what the variable must be; its value may be a secret."""
    kind, message = refusals[name, value]

    assert kind == "ImproperlyConfigured"
    assert message.startswith(f"Environment variable {name} ")
    assert "it must be" in message
    assert "hidden" not in message
    assert "short-and-secret" not in message


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["SECRET_KEY", "DJANGO_SETTINGS_MODULE"])
def test_no_service_starts_without_its_variables(prepared, service, name):
    """Each of the four ends at once, names the variable in its log and exits with an error."""
    answer = prepared.try_command(*SERVICES[service], **{name: None})

    assert answer.returncode != 0
    assert name in answer.stdout


def test_database_url_is_unquoted_and_its_options_are_kept(prepared):
    """A password with reserved characters and a TLS mode arrive as they were meant."""
    code = "from django.conf import settings; print(settings.DATABASES['default'])"
    url = "postgresql://m%40e:p%2Fw%3A@db.example:6432/ro%20tc?sslmode=require"

    said = prepared.try_command(sys.executable, "-c", code, DATABASE_URL=url).stdout

    for part in ("'m@e'", "'p/w:'", "'db.example'", "'6432'", "'ro tc'", "'sslmode': 'require'"):
        assert part in said


def test_renders_own_host_name_is_allowed(prepared):
    """Render's name for the service comes on top of the list."""
    code = "from django.conf import settings; print(settings.ALLOWED_HOSTS)"

    said = prepared.try_command(
        sys.executable, "-c", code, RENDER_EXTERNAL_HOSTNAME="rotc-django-web.onrender.com"
    ).stdout

    assert said.strip() == "['127.0.0.1', 'rotc-django-web.onrender.com']"


def test_gunicorn_as_found_binds_where_nobody_reaches_it(prepared):
    """The fault the first step of the plan mends is really there."""
    said = prepared.try_command(
        BIN / "gunicorn", "--print-config", "config.wsgi:application"
    ).stdout

    settings = dict(
        (part.strip() for part in line.split("=", 1)) for line in said.splitlines() if "=" in line
    )
    assert settings["bind"] == "['127.0.0.1:8000']"
    assert (settings["workers"], settings["timeout"]) == ("2", "30")
    assert settings["preload_app"] == "False"


def test_the_applications_own_tests_pass(prepared):
    """`manage.py test`, which the staging gate runs, makes its own database and succeeds."""
    said = prepared.manage("test", "--noinput")

    assert "OK" in said
    assert "Ran 0 tests" not in said

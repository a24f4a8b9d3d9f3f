"""A service that is told too little, or nonsense, says which variable and does not start."""

import sys

import pytest

from tests.rehearsal_django.stack import BIN

REQUIRED = (
    "DJANGO_SETTINGS_MODULE",
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
READ_SETTINGS = (sys.executable, "-c", "from django.conf import settings; settings.DATABASES")
SERVICES = {
    "web": (BIN / "gunicorn", "--bind", "127.0.0.1:0", "config.wsgi:application"),
    "channels": (BIN / "daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application"),
    "worker": (BIN / "celery", "-A", "config", "worker"),
    "beat": (BIN / "celery", "-A", "config", "beat"),
}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_named(stack, name):
    """The error is Django's own for a bad configuration, and says which variable to set."""
    answer = stack.try_command(*READ_SETTINGS, **{name: None})

    assert answer.returncode != 0
    assert "ImproperlyConfigured" in answer.stdout
    assert name in answer.stdout


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_variable_is_named_but_not_shown(stack, name, value):
    """The error says what the variable must be; its value may be a secret."""
    answer = stack.try_command(*READ_SETTINGS, **{name: value})

    assert answer.returncode != 0
    assert f"ImproperlyConfigured: Environment variable {name} " in answer.stdout
    assert "it must be" in answer.stdout
    assert "hidden" not in answer.stdout
    assert "short-and-secret" not in answer.stdout


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["SECRET_KEY", "DJANGO_SETTINGS_MODULE"])
def test_no_service_starts_without_its_variables(stack, service, name):
    """Each of the four ends at once, names the variable in its log and exits with an error."""
    answer = stack.try_command(*SERVICES[service], **{name: None})

    assert answer.returncode != 0
    assert name in answer.stdout


def test_database_url_is_unquoted_and_its_options_are_kept(stack):
    """A password with reserved characters and a TLS mode arrive as they were meant."""
    code = "from django.conf import settings; print(settings.DATABASES['default'])"
    url = "postgresql://m%40e:p%2Fw%3A@db.example:6432/ro%20tc?sslmode=require"

    said = stack.try_command(sys.executable, "-c", code, DATABASE_URL=url).stdout

    for part in ("'m@e'", "'p/w:'", "'db.example'", "'6432'", "'ro tc'", "'sslmode': 'require'"):
        assert part in said


def test_renders_own_host_name_is_allowed(stack):
    """Render's name for the service comes on top of the list."""
    code = "from django.conf import settings; print(settings.ALLOWED_HOSTS)"

    said = stack.try_command(
        sys.executable, "-c", code, RENDER_EXTERNAL_HOSTNAME="rotc-django-web.onrender.com"
    ).stdout

    assert said.strip() == "['127.0.0.1', 'rotc-django-web.onrender.com']"


def test_gunicorn_as_found_binds_where_nobody_reaches_it(stack):
    """The fault the first step of the plan mends is really there."""
    said = stack.try_command(BIN / "gunicorn", "--print-config", "config.wsgi:application").stdout

    settings = dict(
        (part.strip() for part in line.split("=", 1)) for line in said.splitlines() if "=" in line
    )
    assert settings["bind"] == "['127.0.0.1:8000']"
    assert (settings["workers"], settings["timeout"]) == ("2", "30")
    assert settings["preload_app"] == "False"


def test_the_applications_own_tests_pass(stack):
    """`manage.py test`, which the staging gate runs, makes its own database and succeeds."""
    said = stack.manage("test", "--noinput")

    assert "OK" in said
    assert "Ran 0 tests" not in said

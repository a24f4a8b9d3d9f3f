"""The Django application, as far up as a module of tests needs it."""

import pytest

from tests.rehearsal_django.stack import Stack, wait_for


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The application with its servers and its environment; nothing of its own runs."""
    made = Stack(tmp_path_factory.mktemp("django"))
    try:
        made.prepare()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def migrated(prepared):
    """The same with its tables."""
    prepared.migrate()
    return prepared


@pytest.fixture(scope="module")
def stack(migrated):
    """Its services, all of them answering."""
    migrated.serve()
    wait_for(lambda: migrated.health().json()["status"] == "healthy")
    return migrated

"""One stack of services for all tests of this directory."""

import pytest

from tests.rehearsal_django.stack import Stack, wait_for


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """The services of the Django application, all of them answering."""
    running = Stack(tmp_path_factory.mktemp("django"))
    try:
        running.start()
        wait_for(lambda: running.health().json()["status"] == "healthy")
        yield running
    finally:
        running.stop()

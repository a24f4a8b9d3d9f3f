"""A fixture for tests whose clients would wait, and need not."""

import pytest

from tests.operations.hurry import CLIENTS, SHORT_WAITS


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Let clients look again soon: what they wait for is there, or never comes."""
    monkeypatch.setattr(CLIENTS, "time", SHORT_WAITS)

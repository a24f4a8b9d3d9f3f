"""The wire clients in a hurry: what they would wait for a minute, they wait for a second."""

import time
from types import SimpleNamespace

import handrail.clients.patience

HURRY = 60.0
CLIENTS = handrail.clients.patience


def _sleep(seconds):
    time.sleep(seconds / HURRY)


SHORT_WAITS = SimpleNamespace(sleep=_sleep, monotonic=time.monotonic)
"""They look again soon, and give up when they would."""
SHORT_TIME = SimpleNamespace(sleep=_sleep, monotonic=lambda: time.monotonic() * HURRY)
"""They also give up sooner: a silent server can be met for real."""

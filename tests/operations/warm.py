"""pyinfra's own command line, forked from a process that has imported it, in a hurry.

The wire clients wait for nobody here: what takes them a minute takes a second, so that a server
that is silent, or limits its callers, can be met for real.
"""

from handrail.testing.warm import become, serve  # first: it patches the process, as pyinfra does

# isort: split
import time
from types import SimpleNamespace

import handrail.clients.patience
from handrail.clients.http import Http
from operations import (
    backup,
    bind,
    blueprint,
    data,
    deploy,
    env,
    files,
    freeze,
    monitor,
    package_json,
    service,
    smoke,
    sync,
    verify,
)

HURRY = 60.0
LONGEST_ANSWER_SECONDS = 0.6
IMPORTED = (
    backup,
    bind,
    blueprint,
    data,
    deploy,
    env,
    files,
    freeze,
    monitor,
    package_json,
    service,
    smoke,
    sync,
    verify,
)

handrail.clients.patience.time = SimpleNamespace(
    sleep=lambda seconds: time.sleep(seconds / HURRY), monotonic=lambda: time.monotonic() * HURRY
)
Http.__init__.__kwdefaults__["timeout_seconds"] = LONGEST_ANSWER_SECONDS

if __name__ == "__main__" and (asked := serve()):
    become(asked)

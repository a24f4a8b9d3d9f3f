"""pyinfra's own command line, forked from a process that has imported it, in a hurry.

The wire clients wait for nobody here: what takes them a minute takes a second, so that a server
that is silent, or limits its callers, can be met for real.
"""

from handrail.testing.warm import become, serve  # first: it patches the process, as pyinfra does

# isort: split
from handrail.clients.http import Http
from tests.operations import known
from tests.operations.hurry import CLIENTS, SHORT_TIME

LONGEST_ANSWER_SECONDS = 0.6

assert known.STEPS
CLIENTS.time = SHORT_TIME
Http.__init__.__kwdefaults__["timeout_seconds"] = LONGEST_ANSWER_SECONDS

if __name__ == "__main__":
    serve(become)

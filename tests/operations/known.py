"""pyinfra's own command line, forked from a process that has imported it and every step.

The wire clients look again soon: a job that ends at once is not waited for two seconds.
"""

from handrail.testing.warm import become, serve  # first: it patches the process, as pyinfra does

# isort: split
from importlib import import_module
from pkgutil import walk_packages

import operations
from tests.operations.hurry import CLIENTS, SHORT_WAITS

STEPS = [import_module(each.name) for each in walk_packages(operations.__path__, "operations.")]

if __name__ == "__main__":
    CLIENTS.time = SHORT_WAITS
    serve(become)

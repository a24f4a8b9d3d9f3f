"""What an author of steps tests with: the laws, the lab, and a clock that can skip.

It needs pytest and Hypothesis: ``pip install handrail[testing]``. The fixtures `lab` and `clock`
come with the plugin, which pytest finds by itself.
"""

from handrail.testing.clock import SkippingClock
from handrail.testing.forking import Ran
from handrail.testing.lab import Lab, end, until
from handrail.testing.laws import World, harness
from handrail.testing.machine import this_machine
from handrail.testing.under import over

__all__ = [
    "Lab",
    "Ran",
    "SkippingClock",
    "World",
    "end",
    "harness",
    "over",
    "this_machine",
    "until",
]

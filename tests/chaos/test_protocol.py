"""The engine against the reference model, by as many examples as time allows."""

import os

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos import tally
from tests.engine.test_model import Machine, here

__all__ = ["here"]
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "1000"))


class Counted(Machine):
    """The same, and each kill is told."""

    def ended(self, attempt):
        """Count what befell it."""
        tally.count("model", kills=self.dead, points=self.dead)
        return super().ended(attempt)


def test_the_engine_does_what_the_model_says_however_often_it_is_asked():
    """Killed at any entry, robbed of its lease, left with orphans, edited and drifted."""
    drawn = settings(Counted.TestCase.settings, max_examples=EXAMPLES, derandomize=False,
                     phases=(Phase.generate,))  # fmt: skip
    run_state_machine_as_test(Counted, settings=drawn)

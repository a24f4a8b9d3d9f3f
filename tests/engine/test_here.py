"""The data of a target as a runbook names it: what is missing is told where it matters."""

import pytest

from handrail.engine import here as module
from handrail.engine.here import Absent, Here, refuse_absent
from handrail.ledger.errors import RunbookError

DATA = {"web_url": "https://x.test", "services": {"web": "rotc-web"}}


def test_data_reads_as_it_stands_in_the_inventory():
    """Text as text, a dictionary with its keys, fit for the ledger's JSON."""
    here = Here(DATA, "staging")
    assert here.web_url == "https://x.test"
    assert here.services["web"] == "rotc-web"
    assert dict(here.services) == DATA["services"]


def test_data_of_another_target_is_no_error_until_it_is_used():
    """A call for another target may name what this one lacks, to any depth."""
    absent = Here(DATA, "staging").monitor["window_seconds"]
    assert isinstance(absent, Absent)
    with pytest.raises(RunbookError) as refused:
        refuse_absent({"window": [absent]})
    assert "`staging` has no data `monitor`" in refused.value.why


def test_a_missing_key_names_the_data_and_the_target(monkeypatch):
    """A refusal instead of a bare KeyError."""
    # The exception that pyinfra lets through would patch this process for gevent.
    monkeypatch.setattr(module, "refuse", lambda refusal: refusal)
    with pytest.raises(RunbookError) as refused:
        _ = Here(DATA, "staging").services["beat"]
    assert refused.value.why == "`services` of `staging` has no `beat`"

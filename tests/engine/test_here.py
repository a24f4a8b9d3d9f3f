"""The data of a target as a runbook names it: what is missing is told where it matters."""

import os
from pathlib import Path

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


@pytest.mark.parametrize(
    "made",
    [
        lambda gone: f"{gone}/x {gone!r:>99} {gone:.2}",
        lambda gone: "{}/{:>5}/{!s}".format(gone, "a", gone),
        lambda gone: "%s-%r" % (gone, gone),  # noqa: UP031  likewise
        lambda gone: "/a/" + gone + "/b",
        lambda gone: Path("/a") / gone / "b",
        lambda gone: gone / "b",
        lambda gone: os.path.join("/a", gone, "b"),  # noqa: PTH118  likewise
        lambda gone: Path(gone).name,
        lambda gone: gone.host.upper()[3:],
        lambda gone: [1 - gone * 2 // 3],
        lambda gone: gone | {"a": 1},
        lambda gone: {"a": 1} | gone,
    ],
)
def test_whatever_is_made_of_absent_data_is_refused_by_its_name(made):
    """Texts of every form, paths, sums, parts: nothing shows the mark that stands for it."""
    with pytest.raises(RunbookError) as refused:
        refuse_absent({"path": made(Here(DATA, "staging").nowhere)})
    assert refused.value.why == "`staging` has no data `nowhere`, and a call for it needs it"


@pytest.mark.parametrize("made", [int, float, "%d".__mod__, range, bool, lambda gone: gone > 1])
def test_absent_data_decides_nothing(made, monkeypatch):
    """A number, or a condition, is refused at once: no call could tell it later."""
    monkeypatch.setattr(module, "refuse", lambda refusal: refusal)
    with pytest.raises(RunbookError, match="a condition or a number of the runbook needs it"):
        made(Here(DATA, "staging").nowhere)


def test_a_missing_key_names_the_data_and_the_target(monkeypatch):
    """A refusal instead of a bare KeyError."""
    # The exception that pyinfra lets through would patch this process for gevent.
    monkeypatch.setattr(module, "refuse", lambda refusal: refusal)
    with pytest.raises(RunbookError) as refused:
        _ = Here(DATA, "staging").services["beat"]
    assert refused.value.why == "`services` of `staging` has no `beat`"

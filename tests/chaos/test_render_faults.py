"""Each fault of Render once, through the cutover, in the rehearsal world with its limits on.

One night meets them all: a fault is armed, the cutover runs until it stops or until the task that
the fault was for; then all is well again, and the same command goes on.
"""

import shlex
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import pytest
import requests

from tests.chaos import tally
from tests.chaos.carrying import carry, doubled, lost_there

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
CUTOVER = "./run pyinfra -y inventory/rehearsal.py runbooks/cutover.py"
HELD, STOPPED, PROVEN = 3, 1, 0
STAGING = "staging-rotc-django"


@dataclass
class Row:
    """One fault.

    Args:
        name: What the table calls it.
        fault: What the stand-in is told.
        to: The task that the command is to hold after; the end where empty.
        word: What the stop must say; empty where the command must not stop, None where it may.
        mend: Name of a service that an operator deletes before the same command.
    """

    name: str
    fault: dict
    to: str = ""
    word: str | None = ""
    mend: str = ""


ROWS = [
    Row("stale read after write", {"path": "/services/*", "stale": True, "times": 3}, "1.2"),
    Row("Blueprint sync", {"kind": "blueprint_sync", "times": 20}, "2.2"),
    Row("name taken", {"kind": "name_taken", "service": f"{STAGING}-web"}, "3.0",
        "may belong to somebody else", f"{STAGING}-web"),
    Row("truncated body", {"path": "/services/*/env-vars", "cut": True, "times": 3}, "3.4"),
    # The first service goes alone, so each of these stops before the next one's turn comes.
    Row("build failure", {"kind": "build_failure", "service": f"{STAGING}-web"}, "4",
        "the build failed"),
    Row("health timeout", {"kind": "health_timeout", "service": f"{STAGING}-web"}, "4",
        "it was not healthy"),
    Row("Override queue", {"kind": "override_queue", "service": f"{STAGING}-web"}, "4",
        "a newer one replaced it"),
    Row("out of memory", {"kind": "out_of_memory", "service": "staging-rotc-celery-worker"}, "4",
        "ran out of memory"),
    Row("lagging logs", {"log_lag_seconds": 4}, "4.0.2"),
    Row("clock skew", {"clock_ahead_seconds": 120}, "9.0.1.4", "s ahead of this machine's"),
    Row("crash after live", {"kind": "crash_after_live", "service": "rotc-celery-beat"}),
]  # fmt: skip

LOST = {"after": True, "drop": True}  # it is done, and nobody hears of it
ANSWERS = [
    Row("a service made, unheard of", {"method": "POST", "path": "/services"} | LOST, "3.0", None),
    Row("variables set, unheard of",
        {"method": "PUT", "path": "/services/*/env-vars/*", "times": 3} | LOST, "3.4", None),
    Row("a deploy begun, unheard of",
        {"method": "POST", "path": "/services/*/deploys", "times": 2} | LOST, "4", None),
    Row("a job begun, unheard of",
        {"method": "POST", "path": "/services/*/jobs"} | LOST, "4.0.1", None),
    Row("no answer, ever", {"path": "/services/*", "delay_seconds": 90, "drop": True, "times": 2},
        "4.0.2", None),
    Row("a storm of 429", {"status": 429, "headers": {"Retry-After": "1"}, "times": 60},
        "6.1", None),
    Row("a storm of 503", {"status": 503, "times": 60}, "9.0.1.4", None),
    Row("a storm of 500", {"status": 500, "times": 60}, "11.1", None),
    Row("a storm of lost lines", {"drop": True, "times": 60}, "11.2.3", None),
]  # fmt: skip


def test_each_fault_of_render_is_told_and_the_same_command_goes_on(night, record_property):
    """Nothing is made twice, no limit is broken, and in the end every step is proven."""
    for row, following in pairwise([*ROWS, None]):
        meet(night, row)
        if following is None or following.to != row.to:  # else the next fault meets the same
            finish(night, row)
        word = row.word or "(it does not stop)"
        record_property("render", f"{row.name:<24}{word:<40}finished by the same command")
    assert not doubled(night)
    assert night.run(CUTOVER)[0] == PROVEN
    assert max(lives(night).values()) == 1


def test_an_answer_that_never_comes_doubles_and_loses_nothing(night, tmp_path, record_property):
    """Done and unheard of, never answered, refused again and again: the same command goes on."""
    for row in ANSWERS:
        stopped = meet(night, row)
        asked = carry(partial(again, night, row), done=ends(row))
        tally.count("Render", kills=1, unknowns=asked)
        word = "it stopped and said so" if stopped else "(it does not stop)"
        record_property("render", f"{row.name:<28}{word:<28}finished by the same command")
    assert night.run(CUTOVER)[0] == PROVEN
    twice, lost = doubled(night), lost_there(night, tmp_path / "said")
    tally.count("Render", duplicates=len(twice), losses=len(lost))
    assert not twice
    assert not lost
    assert max(lives(night).values()) == 1


def again(night, row, more) -> tuple[int, str]:
    """Give the same command again, with what an operator adds."""
    return night.run(shlex.join([*shlex.split(command(row)), *more]))


def meet(night, row) -> bool:
    """Let one fault meet the cutover, which stops with its word, or does not; tell if it did."""
    told(night, "POST", row.fault)
    code, said = night.run(command(row))
    told(night, "DELETE", None)
    assert "Traceback" not in said, said[-3000:]
    may = {STOPPED, ends(row)} if row.word is None else {STOPPED if row.word else ends(row)}
    assert code in may, f"{row.name}: {said[-3000:]}"
    assert (row.word or "") in said, f"{row.name}: {said[-3000:]}"
    if row.mend:
        delete(night, row.mend)
    return code == STOPPED


def finish(night, row) -> None:
    """Give the same command again: it comes to where it was told to hold, or to the end."""
    code, said = night.run(command(row))
    assert code == ends(row), f"{row.name}: {said[-3000:]}"


def command(row) -> str:
    """Return what an operator types."""
    return f"{CUTOVER} --data to={row.to}" if row.to else CUTOVER


def ends(row) -> int:
    """Return the exit status of a command that comes through."""
    return HELD if row.to else PROVEN


def told(night, method, fault) -> None:
    """Tell the stand-in what is to go wrong, or that all is well again."""
    answer = call(night, method, "/_faults", json=fault)
    assert answer.status_code == 200, answer.text


def delete(night, name) -> None:
    """Delete a service, as an operator who found that its address is another one."""
    call(night, "DELETE", f"/services/{identities(night)[name]}")


def lives(night) -> Counter[str]:
    """Return how many live deploys each service has."""
    found: Counter[str] = Counter()
    for name, identity in identities(night).items():
        listed = call(night, "GET", f"/services/{identity}/deploys", params={"status": "live"})
        found[name] = len(listed.json())
    return found


def identities(night) -> dict[str, str]:
    """Return the id of each service by its name."""
    listed = call(night, "GET", "/services", params={"limit": 100}).json()
    return {each["service"]["name"]: each["service"]["id"] for each in listed}


def call(night, method, path, **more):
    """Make a call of the stand-in's API."""
    url = night.layout.read()["render"]["api"] + path
    key = {"Authorization": f"Bearer {night.secret('render_key')}"}
    return requests.request(method, url, headers=key, timeout=20, **more)

"""`docs/protocol.qnt` keeps its promises in simulation, and a bug planted in it is found."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from rehearsal.binaries import find_node

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "protocol.qnt"
TOOLS = ROOT / ".tools" / "quint"
SAMPLES = int(os.environ.get("PROTOCOL_SAMPLES", "150"))  # of 40 steps each
PROMISES = ("intentFirst", "oneWriter", "atMostOnce", "provenIsProven", "backIsBack")
REACHED = ("proves", "rollsBack")
BUGS = {
    "an intent that is not synced": (
        "...s, ledger: written, disk: written,", "...s, ledger: written,", "intentFirst",
    ),
    "a takeover that keeps the token": (
        "val token = s.token + 1", "val token = s.token", "oneWriter",
    ),
    "an effect without a look at the token": (
        'mine.phase == "intended", owns(who), s.live,', 'mine.phase == "intended", s.live,',
        "atMostOnce",
    ),
    "an effect past the lease": (
        'mine.phase == "intended", owns(who), s.live,', 'mine.phase == "intended", owns(who),',
        "oneWriter",
    ),
    "an outcome recorded by who was taken over": (
        'mine.phase == "acted", owns(who),', 'mine.phase == "acted",', "oneWriter",
    ),
    "an orphan that keeps nobody out": ("now.orphans.contains(task),\n", "", "backIsBack"),
    "a doubt that is acted over unasked": (
        'not(holds) and (IDEMPOTENT.contains(task) or word == "again")', "not(holds)",
        "atMostOnce",
    ),
    "a drift that is done again unasked": (
        'record == "done" and not(holds) and word == "again"', 'record == "done" and not(holds)',
        "atMostOnce",
    ),
    "a gate that stands though a step acted since": (
        'gate: if (s.ledger.gate == "passed") "void" else s.ledger.gate', "gate: s.ledger.gate",
        "provenIsProven",
    ),
    "a way back that is recorded unseen": (
        "all { s.world.get(mine.task) == s.ledger.before.get(mine.task), s' =", "all { s' =",
        "backIsBack",
    ),
    "a first snapshot that is written over": (
        "if (fresh) s.ledger.before.set", "if (true) s.ledger.before.set", "backIsBack",
    ),
    "a rollback that ends with a doubt": (
        '.in(Set("none", "undone"))),\n    s\'', '.in(Set("none", "undone", "doubt"))),\n    s\'',
        "backIsBack",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def quint():
    """The checker as its lock names it, installed once into .tools; what to call it by."""
    node, here = find_node(), Path(__file__).parent
    lock = (here / "package-lock.json").read_bytes()
    stamp, digest = TOOLS / ".installed", hashlib.sha256(lock).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != digest:
        shutil.rmtree(TOOLS, ignore_errors=True)
        TOOLS.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, TOOLS)
        command = [node.node, node.npm_cli, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        stamp.write_text(digest, encoding="ascii")
    (program,) = TOOLS.glob("node_modules/@informalsystems/quint/dist/src/cli.js")
    return [str(node.node), str(program)]


def simulated(quint, page, samples=SAMPLES):
    """Return what a simulation says of a page: a trace ends where a promise is broken."""
    command = [
        *quint, "run", str(page), "--backend=typescript", f"--max-samples={samples}",
        "--max-steps=40", "--seed=1", "--invariants", *PROMISES, "--witnesses", *REACHED,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_protocol_keeps_its_promises_and_gets_somewhere(quint):
    """Killed, cut off, taken over and drifted at random; runs are proven, and rolled back."""
    said = simulated(quint, PAGE)

    assert "[ok] No violation found" in said, said[-3000:]
    reached = dict(re.findall(r"(\w+) was witnessed in (\d+) trace", said))
    assert set(reached) == set(REACHED)
    assert all(int(times) for times in reached.values()), reached


def each_bug():
    """Return all bugs; in the suite the first that breaks each promise, the others in chaos."""
    first = {promise: bug for bug, (*_, promise) in reversed(BUGS.items())}
    chaos = pytest.mark.chaos
    return [bug if bug in first.values() else pytest.param(bug, marks=chaos) for bug in BUGS]


@pytest.mark.parametrize("bug", each_bug())
def test_a_bug_planted_in_the_protocol_is_found(quint, tmp_path, bug):
    """By the promise that it breaks."""
    was, becomes, promise = BUGS[bug]
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(was) == 1
    page = tmp_path / PAGE.name
    page.write_text(text.replace(was, becomes), encoding="utf-8")

    said = simulated(quint, page, 2000)

    assert "[violation]" in said, said[-3000:]
    assert f"❌ {promise}" in said

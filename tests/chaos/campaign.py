"""One run over two targets: killed, carried on by the plain command, held to an oracle."""

import re
import signal
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from handrail.testing.lab import Ran
from tests.chaos import tally
from tests.engine.lab.bench import Bench
from tests.failing_disk import FailingDisk

TARGETS = ("one", "two")
CALLS = (
    'steps.write(path=f"{room}/a", text="1", task="1")',
    'steps.place(path=f"{room}/b", text="2", task="2")',
    'steps.print_to(path=f"{room}/c", text="3", task="3", on="two")',
    'steps.append(path=f"{room}/d", line="4", task="4")',
)
BEFORE = {"a": "old", "b": None, "c": None, "d": "first\n"}
AFTER = {
    "one": {"a": "1", "b": "2", "c": None, "d": "first\n4\n"},
    "two": {"a": "1", "b": "2", "c": "3", "d": "first\n4\n"},
}
ONCE = {"write b", "append d"}  # not declared idempotent
EFFECTS = 7  # different ones, on both targets
PATIENCE = 12  # attempts until a run has to be through; each settles one doubt

Files = dict[str, dict[str, str | None]]


class Campaign:
    """A fresh environment, and what happened in it so far."""

    def __init__(self, folder: Path, calls: tuple[str, ...] = CALLS, url: str = "") -> None:
        self.lab = Bench(folder / "lab", TARGETS)
        self.what = "server" if url else "engine"
        self.lab.env |= {"LEDGER_URL": url} if url else {}
        for target in TARGETS:
            for name, text in BEFORE.items():
                if text is not None:
                    self.lab.put(name, text, target)
        self.lab.runbook(*calls)
        self.retries = 0
        self.lease_seconds = 1  # where a test gives it a short one
        self.database = "ledgers"  # of a ledger on a server
        self.disk: FailingDisk | None = None  # of one in a file, where a test may let it fail

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""
        self.lab.__exit__()

    def carry_on(self) -> None:
        """Run the same command until the run is proven; answer as an operator would."""
        extra: list[str] = []
        for _ in range(PATIENCE):
            ran = self.lab.run(*extra)
            if ran.code == 0:
                return
            extra = self.answer(ran)
        raise AssertionError(f"not through after {PATIENCE} attempts:\n{ran.said}")

    def answer(self, ran: Ran) -> list[str]:
        """Return what to add to the command: to retry an act whose effect is not there."""
        assert "Traceback" not in ran.said, ran.said
        asked = re.search(r"--data settle=(\S+?):retry", ran.said)
        assert asked, ran.said
        assert "does not run twice unattended" in ran.said
        self.retries += 1
        return ["--data", f"settle={asked[1]}:retry", "--data", "reason=looked: it is not there"]

    def files(self) -> dict[str, dict[str, str | None]]:
        """Return what the files of both rooms say."""
        return {
            target: {name: self.lab.read(name, target) for name in BEFORE} for target in TARGETS
        }

    def check_done(self) -> None:
        """Hold a run that is through to the oracle."""
        effects = Counter(
            (target, effect) for target in TARGETS for effect in self.lab.journal(target)
        )
        more = {
            f"{effect} on {target}": times
            for (target, effect), times in effects.items()
            if times > (1 + self.retries if effect in ONCE else PATIENCE)
        }
        lost = differing(self.files(), AFTER) + [""] * (EFFECTS - len(effects))
        tally.count(self.what, unknowns=self.retries, duplicates=len(more), losses=len(lost))
        assert not more
        assert not lost
        (run,) = (run for run in self.lab.runs() if not run.undoes)
        assert run.outcome == "proven"
        assert {receipt.before for receipt in run.receipts()} == {"old", None, "first\n"}

    def check_undone(self) -> None:
        """Hold a rollback that is through to the oracle."""
        lost = differing(self.files(), dict.fromkeys(TARGETS, BEFORE))
        tally.count(self.what, losses=len(lost))
        assert not lost
        (run,) = (run for run in self.lab.runs() if not run.undoes)
        assert run.outcome == "rolled_back"
        assert run.receipts() == []


def differing(files: Files, wanted: Files) -> list[str]:
    """Return which files say something else than they should."""
    return [
        f"{name} on {target}"
        for target, listed in wanted.items()
        for name, text in listed.items()
        if files[target][name] != text
    ]


def kill_run_at(point: int, url: str = "") -> bool:
    """Kill a run at a point and carry it on; False where it was through before the point."""
    with TemporaryDirectory() as folder, Campaign(Path(folder), url=url) as campaign:
        killed = campaign.lab.run(DIE_AT=str(point))
        assert killed.code in (0, -9), killed.said
        campaign.carry_on()
        campaign.check_done()
        once = [journal for target in TARGETS for journal in campaign.lab.journal(target)]
        assert all(times == len(TARGETS) for effect, times in Counter(once).items()
                   if effect in ONCE), once  # fmt: skip
        assert campaign.lab.roll_back().code == 0
        campaign.check_undone()
        return landed(killed, campaign.what)


def kill_rollback_at(point: int, url: str = "") -> bool:
    """Kill a rollback at a point and run the same command again; False where it was through."""
    with TemporaryDirectory() as folder, Campaign(Path(folder), url=url) as campaign:
        assert campaign.lab.run().code == 0
        killed = campaign.lab.roll_back(DIE_AT=str(point))
        assert killed.code in (0, -9), killed.said
        again = campaign.lab.roll_back()
        through = "it is already rolled back" in again.said
        assert again.code == (1 if through else 0), again.said
        campaign.check_undone()
        return landed(killed, campaign.what)


def kill_run_and_roll_back_at(point: int, url: str = "") -> bool:
    """Kill a run at a point and roll it back as it stands, without carrying it on."""
    with TemporaryDirectory() as folder, Campaign(Path(folder), url=url) as campaign:
        killed = campaign.lab.run(DIE_AT=str(point))
        ran = campaign.lab.roll_back()
        if ran.code:
            nothing = (
                "there is no run on its ledger yet",
                "no run has changed anything",
                "no step of it changed anything",
            )
            assert any(each in ran.said for each in nothing), ran.said
        assert campaign.files() == dict.fromkeys(TARGETS, BEFORE)
        campaign.lab.entries()
        return landed(killed, campaign.what)


def landed(killed: Ran, what: str) -> bool:
    """Tell whether a kill came before the command was through, and count it."""
    in_time = killed.code == -signal.SIGKILL
    tally.count(what, kills=in_time, points=in_time)
    return in_time

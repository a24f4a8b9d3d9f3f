"""The reference model: what a run on one target must come to, from what was seen of it alone.

It knows what stands in the ledger by the events that were appended, what the world says, and how
often each effect came about. It shares no code with what decides.
"""

from dataclasses import dataclass, field

NONE, DOUBT, DONE, SKIPPED = "none", "doubt", "done", "skipped"
ENDS = {"step.changed": DONE, "step.adopted": DONE, "step.skipped": SKIPPED}


@dataclass
class Known:
    """What is known of one task."""

    state: str = NONE
    text: str = ""  # that the act on record was to write
    before: str | None = None  # what stood there before the first act
    acts: int = 0  # effects since it last stood at none, or somebody said that it may act again


@dataclass
class Model:
    """Tasks by id, and the world by task; an outsider changes only the world."""

    known: dict[str, Known] = field(default_factory=dict)
    world: dict[str, str | None] = field(default_factory=dict)
    rolled_back: bool = False  # the run, completely
    rolling: bool = False  # a rollback is at work

    def of(self, task: str) -> Known:
        """Return what is known of a task."""
        return self.known.setdefault(task, Known())

    def saw(self, event: str, task: str, text: str) -> None:
        """Take an entry into account that is in the ledger."""
        known = self.of(task)
        if event == "step.started" and not self.rolling:
            if known.state == NONE:
                known.before, known.acts = self.world.get(task), 0
            known.state, known.text = DOUBT, text
        elif event == "step.rolled_back":
            self.known[task] = Known()
        elif event in ENDS and not self.rolling:
            known.state = ENDS[event]

    def acted(self, task: str, text: str | None) -> None:
        """Take an effect into account: its intent must stand, and it must be the act's own."""
        known = self.of(task)
        assert known.state == DOUBT or self.rolling, f"an effect of {task} without its intent"
        self.world[task] = text
        if not self.rolling:
            assert text == known.text, f"{task} wrote another text than its intent says"
            known.acts += 1

    def expects(self, task: str, text: str, *, idempotent: bool, consent: str) -> str:
        """Return what must become of a call: acts, leaves, adopts, skips, asks, or drift."""
        known, holds = self.of(task), self.world.get(task) == text
        if known.state in (DOUBT, SKIPPED):
            return self._doubtful(known.state, consent, holds=holds, idempotent=idempotent)
        if holds:
            return "leaves"
        if known.state == DONE and known.text == text:
            return "acts" if consent == "redo" else "drift"
        return "acts"

    def _doubtful(self, state: str, consent: str, *, holds: bool, idempotent: bool) -> str:
        if state == SKIPPED and consent != "retry":
            return "leaves"
        if state == DOUBT and consent == "skip":
            return "skips"
        if holds or consent == "adopt":
            return "adopts"
        return "acts" if idempotent or consent == "retry" else "asks"

    def let_act_again(self, task: str) -> None:
        """Take a consent into account that was used."""
        self.of(task).acts = 0

    def check(self, *, idempotent: set[str]) -> None:
        """Hold the laws: at most once unattended; again only where that is declared."""
        for task, known in self.known.items():
            assert known.acts <= 1 or task in idempotent, f"{task} acted {known.acts} times"

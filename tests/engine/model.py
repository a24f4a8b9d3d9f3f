"""The reference model: what a run on one target must come to, from what was seen of it alone.

It knows what stands in the ledger by the events that were appended, what the world says, and how
often each effect came about. It shares no code with what decides.
"""

from dataclasses import dataclass, field

NONE, HELD, DOUBT, DONE, UNPROVEN, SKIPPED = "none", "held", "doubt", "done", "unproven", "skipped"
ENDS = {
    "step.changed": DONE, "step.adopted": DONE, "step.skipped": SKIPPED, "step.unchanged": HELD,
}  # fmt: skip
UNSEEN = object()  # what an act left that nobody saw end
MIRROR, SOURCE, GATE = "3", "1", "4"


@dataclass
class Known:
    """What is known of one task."""

    state: str = NONE
    text: str = ""  # that it was settled with, or tried
    acted_text: str = ""  # that the act on record was to write
    before: str | None = None  # what stood there before the first act
    left: object = UNSEEN  # what its last act left there
    acts: int = 0  # effects since it last stood at none, or somebody said that it may act again
    void: bool = False  # a task before it acted since it was proven
    back: bool = False  # its way back began

    @property
    def receipt(self) -> bool:
        """Tell whether there is something to undo, or to doubt."""
        return self.state in (DOUBT, DONE, UNPROVEN, SKIPPED)


@dataclass
class Model:
    """Tasks by id, and the world by task; an outsider changes only the world."""

    known: dict[str, Known] = field(default_factory=dict)
    world: dict[str, str | None] = field(default_factory=dict)
    orphans: dict[str, str | None] = field(default_factory=dict)  # tasks, and what they will write
    passed: bool = False  # the gate, and no task acted since
    rolling: bool = False  # a rollback is at work
    stolen: bool = False  # another process has the lease of the one at work
    agreed: str = ""  # the task of which an operator said: undo it all the same

    def of(self, task: str) -> Known:
        """Return what is known of a task."""
        return self.known.setdefault(task, Known())

    def saw(self, event: str, task: str, text: str, *, durable: bool, proven: bool) -> None:
        """Take an entry into account that is in the ledger."""
        assert not self.stolen, f"{event} of {task} by a process without the lease"
        assert durable or event != "step.started", "an intent that may be lost"
        known = self.of(task)
        if task == GATE:
            self.passed = event == "gate.passed"
        elif event == "step.started" and self.rolling:
            known.back = True
        elif event == "step.started":
            if not known.receipt:
                known.before, known.acts = self.world.get(task), 0
            known.state, known.text, known.acted_text, known.left = DOUBT, text, text, UNSEEN
            known.back = False
            self._void_after(task)
        elif event == "step.rolled_back":
            self.known[task] = Known()
            self._void_after(task)
        elif event == "step.confirmed":
            known.text, known.void = text, False
            known.state = DONE if known.state == UNPROVEN and proven else known.state
        elif event in ENDS and not self.rolling:
            known.state, known.text, known.void = ENDS[event], text, False
            known.state = known.state if proven else UNPROVEN
            known.left = self.world.get(task) if event == "step.changed" else known.left
            if event == "step.adopted" and proven:  # by the arguments that its claim held with
                known.acted_text = text
                now = self.world.get(task)
                known.left = UNSEEN if now == known.before else now

    def _void_after(self, task: str) -> None:
        self.passed = False
        for name, each in self.known.items():
            each.void = each.void or name > task

    def wanted(self, task: str, text: str) -> str | None:
        """Return what a call wants there now."""
        return self.world.get(SOURCE) if task == MIRROR else text

    def acted(self, task: str, text: str | None) -> None:
        """Take an effect into account: its intent must stand, and it must be the act's own."""
        known = self.of(task)
        assert not self.stolen, f"an effect of {task} by a process without the lease"
        assert task not in self.orphans, f"an effect of {task} beside another"
        assert known.state == DOUBT or known.back, f"an effect of {task} without its intent"
        if known.back:
            assert text == known.before, f"{task} was put back to something else"
        elif task != MIRROR:
            assert text == known.text, f"{task} wrote another text than its intent says"
        known.acts += not known.back
        self.world[task] = text

    def expects(self, task: str, text: str, *, idempotent: bool, word: str) -> str:
        """Return what must become of a call: acts, leaves, adopts, skips, waits, asks or drift."""
        known, holds = self.of(task), self.world.get(task) == self.wanted(task, text)
        if task in self.orphans:
            return "waits"
        if known.state in (DOUBT, SKIPPED):
            return self._doubtful(known.state, word, holds=holds, idempotent=idempotent)
        if holds or known.state == UNPROVEN:
            return "leaves"
        if known.state == NONE or known.text != text:
            return "acts"
        untouched = known.void and idempotent and known.left == self.world.get(task)
        return "acts" if word == "redo" or untouched else "drift"

    def _doubtful(self, state: str, word: str, *, holds: bool, idempotent: bool) -> str:
        if state == SKIPPED and word != "retry":
            return "leaves"
        if state == DOUBT and word == "skip":
            return "skips"
        if holds or word == "adopt":
            return "adopts"
        return "acts" if idempotent or word == "retry" else "asks"

    def undoes(self, task: str) -> str:
        """Return what must become of a receipt: undone, as before, gone, waits, or drift."""
        known, now = self.of(task), self.world.get(task)
        holds = now == self.wanted(task, known.acted_text)
        if not known.receipt:
            return "gone"  # put back already
        if task in self.orphans:
            return "waits"
        if now == known.before and not (known.state == DONE and known.left is UNSEEN and holds):
            return "as before"
        doubtful = known.back or known.state in (DOUBT, SKIPPED) or task == self.agreed
        ours = holds if known.left is UNSEEN else now == known.left
        return "undone" if doubtful or ours else "drift"

    def check(self, *, idempotent: set[str]) -> None:
        """Hold the laws: at most once unattended; again only where that is declared."""
        for task, known in self.known.items():
            assert known.acts <= 1 or task in idempotent, f"{task} acted {known.acts} times"

"""What can be done about a call that did not go through: shown, asked, and said with a reason."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.consent import Consent
from handrail.engine.attempt.measured import known
from handrail.engine.attempt.stakes import stake_lines
from handrail.engine.clause import ask, claim
from handrail.engine.console import Console
from handrail.engine.contract import Contract, load
from handrail.engine.prompt import END_OF_INPUT, question
from handrail.engine.standing import reads_as_before
from handrail.engine.telling import say
from handrail.ledger.errors import DriftFound, RunbookError
from handrail.ledger.task import Receipt, Standing, Task
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about
from handrail.ledger.views.times import Estimate, way_back

Key = tuple[str, str]


@dataclass(frozen=True)
class Choice:
    """One thing that can be done.

    Args:
        word: What is typed.
        does: What it would do.
        take: Does it, given the reason; True where the call has another turn, None where it is
            to be asked again.
        wants_reason: It is recorded, so somebody has to say why.
    """

    word: str
    does: str
    take: Callable[[str], bool | None]
    wants_reason: bool = True


class Guide:
    """What is asked where a call does not go on: at a terminal of a person, else of the command."""

    def __init__(self, attempt: Attempt, console: Console) -> None:
        self.attempt, self.console = attempt, console
        self.answered: set[Key] = set()  # by `on_failure=`, which is one word for each call

    def goes_on(self, key: Key) -> bool:
        """Tell whether a call has another turn; none has where the command itself was refused."""
        if self.attempt.refusal is not None and self.attempt.writer is None:
            return False
        task = self.attempt.run.tasks[key]
        if said := self.attempt.choices.on_failure:
            return self._as_said(key, task, said)
        return sys.stdin.isatty() and sys.stderr.isatty() and self._as_answered(task)

    def _as_answered(self, task: Task) -> bool:
        """Do what somebody says now, asked until an answer is one."""
        taken = None
        while taken is None:
            taken = self._answered(task)
        return taken

    def _answered(self, task: Task) -> bool | None:
        """Ask what to do and do it; None where it is to be asked again."""
        chosen = self._asked(task)
        reason = self._reason(chosen) if chosen else None
        return chosen.take(reason) if chosen and reason is not None else None

    def _as_said(self, key: Key, task: Task, said: str) -> bool:
        """Do what the command said beforehand, once for each call."""
        if key in self.answered:
            return False
        self.answered.add(key)
        word = said.replace(":", " ", 1).strip()
        chosen = next((each for each in self.choices(task) if each.word == word), None)
        if chosen is None:
            self.console.line(f"    on_failure={said} is no answer to this; the run stops")
            return False
        self.console.line(f"    on_failure={said}: {chosen.does}")
        return bool(chosen.take(self.attempt.choices.reason))

    def _asked(self, task: Task) -> Choice | None:
        """Show what can be done, and return what is chosen; None where that is nothing."""
        choices = self.choices(task)
        for line in [*stake_lines(self.attempt), *_shown(choices, task)]:
            self.console.line(line)
        answer = question("What now? ")
        if answer == END_OF_INPUT:
            return self._leave()
        found = _meant(choices, answer)
        if len(found) == 1:
            return found[0]
        self.console.line(f"    `{answer}` is none of them, or more than one.")
        return None

    def _reason(self, choice: Choice) -> str | None:
        """Return why something is chosen; None where nobody says it, so it is not done."""
        if not choice.wants_reason:
            return ""
        reason = question("Why? It is kept in the ledger: ")
        if reason and reason != END_OF_INPUT:
            return reason
        self.console.line("    Without a reason nothing is done.")
        return None

    def choices(self, task: Task) -> list[Choice]:
        """Return what can be done about a call that did not go through."""
        return [*self._here(task), *self._back(), self._leave()]

    def _here(self, task: Task) -> Iterator[Choice]:
        """Yield what can be done about the call itself."""
        contract = load(task.declared.step)
        yield self._look(task, contract)
        if isinstance(self.attempt.stops.get(task.declared.key), DriftFound):
            yield self._over_drift(task)
        elif task.standing is Standing.IN_DOUBT and self.attempt.run.undoes:
            yield Choice("again", "puts it back once more", self._turn, wants_reason=False)
        elif task.standing is Standing.IN_DOUBT:
            yield from self._doubt(task, idempotent=contract.idempotent)

    def _look(self, task: Task, contract: Contract) -> Choice:
        """Return the choice to look again; after an act whose end is not known, at what it did."""
        if contract.is_gate or task.standing is not Standing.IN_DOUBT:
            does = "asks again; goes on where it holds now"
            return Choice("look", does, self._turn, wants_reason=False)
        undoes = bool(self.attempt.run.undoes)
        so = "it reads as before" if undoes else claim(contract.ensures)
        does = f"asks whether {so}; goes on only where that is so"
        looks = partial(self._looks_back if undoes else self._looks, task)
        return Choice("look", does, looks, wants_reason=False)

    def _over_drift(self, task: Task) -> Choice:
        """Return the choice to act all the same on what somebody changed."""
        undoes = bool(self.attempt.run.undoes)
        does = "puts it back all the same" if undoes else "does it again"
        take = self._consent(task, "drift", "undo" if undoes else "redo")
        return Choice("again", f"{does}, over what was changed since", take)

    def _doubt(self, task: Task, *, idempotent: bool) -> Iterator[Choice]:
        """Yield what a person can say of an act whose end is not known."""
        once = "it may be: it is idempotent" if idempotent else "it is not declared idempotent"
        words = {
            "retry": ("again", f"runs it again from what was captured first; {once}"),
            "adopt": ("adopt", "takes it as done, on your word: the run ends finished, not proven"),
            "skip": ("skip", "leaves it as it is and goes on: the run ends finished, not proven"),
        }
        for choice, (word, does) in words.items():
            if not self._is_spent(task, choice):
                yield Choice(word, does, self._consent(task, "settle", choice))

    def _is_spent(self, task: Task, choice: str) -> bool:
        return self.attempt.facts().is_spent(_word(task, "settle", choice))

    def _back(self) -> Iterator[Choice]:
        """Yield how far back a rollback can go, and what that takes."""
        if self.attempt.run.undoes:
            return
        for label in [*self._labels(), ""]:
            takes = way_back(self.attempt.run, known(self.attempt), label)
            if takes.tasks:
                yield self._rollback(label, takes)

    def _labels(self) -> list[str]:
        """Return the holds that the run came to, the newest first."""
        run = self.attempt.run
        done = {task.declared.task for task in run.tasks.values() if run.is_done(task)}
        return [hold.label for hold in reversed(run.holds) if hold.after in done]

    def _rollback(self, label: str, takes: Estimate) -> Choice:
        """Return the choice to roll back to a hold; without one, all the way."""
        steps = plain.count(takes.tasks, "step")
        where = f"what came after {label}" if label else "all of it"
        return Choice(
            f"rollback {label}".strip(),
            f"ends this run and undoes {where}, {steps}, {about(takes)}",
            self._goes_back(label),
        )

    def _goes_back(self, label: str) -> Callable[[str], bool]:
        def take(reason: str) -> bool:
            self.attempt.then = {"run": self.attempt.run.id, "reason": reason}
            self.attempt.then |= {"to": label} if label else {}
            return False

        return take

    def _leave(self) -> Choice:
        does = "ends here; the same command goes on later"
        return Choice("leave", does, lambda _: False, wants_reason=False)

    def _turn(self, _: str) -> bool:
        return True

    def _consent(self, task: Task, kind: str, choice: str) -> Callable[[str], bool]:
        def take(reason: str) -> bool:
            said = self.attempt.choices
            consents = (*said.consents, _word(task, kind, choice))
            self.attempt.choices = replace(said, reason=reason, consents=consents)
            return True

        return take

    def _looks(self, task: Task, _: str) -> bool | None:
        """Ask whether an act whose end is not known is done; it is adopted only where it is."""
        return self._asks(task.receipt, _not_done)

    def _looks_back(self, task: Task, _: str) -> bool | None:
        """Ask whether what a way back in doubt was to put back is as it was."""
        undone = self.attempt.undone.tasks[task.declared.key]
        return self._asks(undone.receipt, _not_as_before)

    def _asks(self, receipt: Receipt | None, against: Callable[[Act, Receipt], str]) -> bool | None:
        """Look at what a receipt is about; what speaks against it is told, and is no answer."""
        if receipt is None:
            return True
        try:
            act = Act.recorded(self.attempt, load(receipt.step), receipt)
            why = against(act, receipt)
        except RunbookError as error:
            why = f"it cannot be looked at: {error.why}"
        if not why:
            return True
        say(why)
        return None


def _shown(choices: list[Choice], task: Task) -> Iterator[str]:
    """Yield what can be done about a call, each in a line."""
    call, width = task.declared, max(len(each.word) for each in choices)
    yield f"{call.task} on {call.target} did not go through. You can:"
    yield from (f"    {each.word:<{width}}  {each.does}" for each in choices)


def _not_done(act: Act, _: Receipt) -> str:
    found = ask(act.contract.ensures, act.live)
    return "" if found.passed else f"it is not so: {found.why}"


def _not_as_before(act: Act, receipt: Receipt) -> str:
    return "" if reads_as_before(act, receipt) else "it does not read as before"


def _word(task: Task, kind: str, choice: str) -> Consent:
    """Return a consent for the attempt that a task was begun by."""
    begun = task.attempt
    return Consent(kind, task.declared.task, task.declared.target, begun, choice)


def _meant(choices: list[Choice], answer: str) -> list[Choice]:
    """Return the choice that an answer names, else those that it is the beginning of."""
    if not answer:
        return []
    begun = [each for each in choices if each.word.startswith(answer)]
    return [each for each in begun if each.word == answer] or begun

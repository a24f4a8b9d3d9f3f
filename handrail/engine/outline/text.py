"""A plan on one screen, as lines: one a call, cut to the width, and below them what it comes to."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

import click

from handrail.engine.decide.decision import Do
from handrail.engine.outline.folds import Fold, Item, Shown, folded
from handrail.engine.outline.line import Line, targets_of
from handrail.engine.outline.outline import Outline, Phase
from handrail.engine.outline.sentences import sentences
from handrail.ledger.entry import canonical
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about
from handrail.naming import phrase
from handrail.pages import one_line

WIDE = 200  # where there is no terminal to say how wide it is
NARROW = 120  # below this a line is made of what matters most
SHOWN_WIDTH = 100  # of one value that a call leaves out
BESIDE = 5  # lines of a screen beside calls and foot: its head, what is asked, how to see more
INDENT = " " * 8
HIGH = 45  # lines of a screen, where it does not say that it has more
SHORT = {"would be asked": "ask", "not told yet": "not told"}
COLOURS = {
    Do.ACT: "green",
    Do.UNDO: "green",
    Do.LOOK: "cyan",
    Do.KEEP: "magenta",
    Do.REFUSE: "red",
    Do.DRIFT: "red",
    Do.ASK: "red",
}
PROMISES = {
    "once": "once: at most once unattended",
    "again": "again: may act again after an interruption",
    "looks": "looks: changes nothing",
}


def size() -> tuple[int, int]:
    """Return columns and lines of the screen: by the variables, else the terminal, else wide."""
    found = shutil.get_terminal_size((WIDE, HIGH))
    return found.columns, found.lines


def is_coloured() -> bool:
    """Tell whether colours are wanted: on a terminal, unless `NO_COLOR` is set."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def screen(
    found: Outline, columns: int, height: int = HIGH, *, coloured: bool = False
) -> list[str]:
    """Return the plan as lines no wider than a screen, and no more of them than it has.

    Args:
        found: The plan.
        columns: Width of the screen.
        height: Its lines; what cannot be folded may take more.
        coloured: Let colours repeat the words.
    """
    page = _Page(found, columns, max(height, HIGH), coloured=coloured)
    return [*page.body(), *page.foot()]


class _Page:
    """The plan on a screen of some width."""

    def __init__(self, found: Outline, columns: int, height: int, *, coloured: bool) -> None:
        self.found, self.columns, self.coloured = found, columns, coloured
        self.is_narrow = columns < NARROW
        self.indent = "  " if self.is_narrow else "    "
        lines = found.lines
        self.task = _widest((line.call.task for line in lines), 6) + 1
        self.target = _widest(map(targets_of, lines))
        self.word = _widest(map(self._word, lines)) if self.is_narrow else 14
        self.shown: Shown = []
        self.rows: dict[int, int] = {}
        self.shown, self.rows = self._fitted(height)

    def body(self) -> Iterator[str]:
        """Yield the head and every call."""
        attempt = self.found.attempt
        yield f"Plan for {attempt.run.id} on {attempt.environment}, as things stand now:"
        for phase, items in zip(self.found.phases, self.shown, strict=True):
            if len(self.found.phases) > 1:
                yield self._phase(phase)
            yield from chain.from_iterable(map(self._item, items))

    def _item(self, item: Item) -> Iterator[str]:
        """Yield the lines of a call, or of calls that stand together."""
        if isinstance(item, Fold):
            return self._folded(item)
        return chain([self._line(item)], self._details(item))

    def _phase(self, phase: Phase) -> str:
        """Return the head of a phase: what is true at its end, and when that is."""
        names = ", ".join(hold.label for hold in phase.holds)
        what = f"To {names}: {phase.holds[-1].name}" if phase.holds else "To the end"
        takes = about(phase.expected) if phase.expected.tasks else "nothing to do"
        return self._style(self._justified(f"  {what}", takes), bold=True)

    def _fitted(self, height: int) -> tuple[Shown, dict[int, int]]:
        """Return the calls as they fit, and by fold how many lines there are for it."""
        choices, phases = self.found.attempt.choices, self.found.phases
        if choices.diff or choices.calls:
            return [list(phase.lines) for phase in phases], {}
        told = len(list(chain.from_iterable(map(self._details, self.found.lines))))
        heads = len(phases) if len(phases) > 1 else 0
        room = height - heads - told - len(list(self.foot())) - BESIDE
        shown = folded(self.found, room)
        return shown, self._rows(shown, room - sum(map(len, shown)))

    def _rows(self, shown: Shown, spare: int) -> dict[int, int]:
        """Return by fold how many lines there are for it: one, and what is to spare."""
        rows: dict[int, int] = {}
        for fold in _folds(shown):
            wanted = len(self._wrapped_fold(fold))
            rows[id(fold)] = min(wanted, max(spare, 0) + 1)
            spare -= rows[id(fold)] - 1
        return rows

    def _folded(self, fold: Fold) -> Iterator[str]:
        """Yield the lines of calls that stand together; what does not fit is cut."""
        text = self._wrapped_fold(fold)
        rows = self.rows[id(fold)]
        kept = text[:rows]
        if len(text) > rows:
            kept[-1] = f"{kept[-1].rstrip(';, ')}…"[: self.columns]
        yield self._justified(kept[0], fold.took)
        yield from kept[1:]

    def _wrapped_fold(self, fold: Fold) -> list[str]:
        """Return how many calls there are of each word, and which; as many lines as that takes."""
        told = _counted(Counter(map(self._word, fold.lines)))
        first = "" if fold.looks else fold.lines[0].call.task
        lead = f"{self.indent}{first:<{self.task}}"
        head = f"{lead}{told:<{self.word}}  "
        return textwrap.wrap(
            one_line(fold.names), self.columns - len(fold.took) - 2, initial_indent=head,
            subsequent_indent=" " * (len(lead) + 2), break_on_hyphens=False,
        )  # fmt: skip

    def _line(self, line: Line) -> str:
        """Return one call; what does not fit is cut, least important first."""
        word = self._word(line)
        head, rest = self._parts(line)
        tail = plain.rough(line.expected.seconds) if line.expected else ""
        text = self._justified(f"{head}{word:<{self.word}}  {rest}", tail)
        colour = COLOURS.get(line.decision.do)
        if not colour:
            return text
        return text[: len(head)] + self._style(word, fg=colour) + text[len(head) + len(word) :]

    def _parts(self, line: Line) -> tuple[str, str]:
        """Return what stands before the word of a call, and what after it."""
        call, targets = line.call, targets_of(line)
        mark = phrase("; {}", line.risk) + phrase("; {}", line.owner)
        lead = f"{self.indent}{call.task:<{self.task}}"
        if self.is_narrow:
            return lead, f"{call.name} ({targets}{mark})"
        because = phrase(": {}", one_line(line.because))
        what = f"{call.name} [{call.step}, {line.promise}{mark}]{because}"
        return f"{lead}{targets:<{self.target}}  ", what

    def _word(self, line: Line) -> str:
        word = line.decision.word
        return SHORT.get(word, word.removeprefix("would ")) if self.is_narrow else word

    def _justified(self, text: str, tail: str) -> str:
        """Return a text cut to the width, with something at its right end."""
        if not tail:
            return plain.cut(text, self.columns)
        room = self.columns - len(tail) - 2
        return f"{plain.cut(text, room):<{room}}  {tail}"

    def _details(self, line: Line) -> Iterator[str]:
        """Yield what stops a call, whole; and all the rest where that was asked for."""
        if line.decision.stops:
            yield from self._wrapped("why:  ", line.decision.why)
            yield from self._wrapped("next: ", line.decision.fix)
        yield from map(_indented, line.unseen.values())
        if self.found.attempt.choices.diff:
            yield from _in_full(line)

    def _wrapped(self, label: str, text: str) -> list[str]:
        return textwrap.wrap(
            text,
            max(self.columns, 40),
            initial_indent=INDENT + label,
            subsequent_indent=INDENT + " " * len(label),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def foot(self) -> Iterator[str]:
        """Yield what the plan comes to."""
        found = self.found
        beside = phrase("{}: what it is at is not told yet", found.attempt.beside)
        counts = phrase("{}.", _counted(found.counts))
        told = [beside, *found.lost, *self._refusal(), counts]
        yield from (f"    {each}" for each in told if each)
        for text in sentences(found):
            yield from textwrap.wrap(
                text, max(self.columns, 40), initial_indent="    ", subsequent_indent="      "
            )
        yield from self._more()

    def _refusal(self) -> list[str]:
        """Return what forbids to start, where something does."""
        found = self.found.attempt.refusal
        return [f"would refuse: {found.why}", f"next: {found.fix}"] if found else []

    def _more(self) -> Iterator[str]:
        """Yield what else there is to see, and what the words mean."""
        sql, others = self._unshown()
        told = (
            phrase("SQL of {}: add `--data sql=FILE`", _calls(sql)),
            phrase("What {} would change, in full: add `--data diff=1`", _calls(others)),
            "Each call in a line of its own: add `--data calls=all`" if _folds(self.shown) else "",
            self._promises(),
        )
        yield from (f"    {each}." for each in told if each)

    def _unshown(self) -> tuple[int, int]:
        """Return how many calls could show SQL, and how many others what they would change."""
        choices = self.found.attempt.choices
        shows = Counter(line.is_sql for line in self.found.lines if line.shows)
        return 0 if choices.sql else shows[True], 0 if choices.diff else shows[False]

    def _promises(self) -> str:
        """Return what the promises of the calls mean; nothing where they are not shown."""
        promised = {line.promise for line in self.found.lines}
        told = [words for promise, words in PROMISES.items() if promise in promised]
        return "" if self.is_narrow else "; ".join(told)

    def _style(self, text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
        return click.style(text, fg=fg, bold=bold) if self.coloured else text


def _shown(value: object) -> str:
    return plain.cut(canonical(value), SHOWN_WIDTH + 1)


def _in_full(line: Line) -> Iterator[str]:
    """Yield what a call has from the inventory, and what it would change."""
    for target, found in line.bindings.items():
        if found:
            words = ", ".join(f"{name}={_shown(value)}" for name, value in found.items())
            yield f"{INDENT}of {target}: {words}"
    if not line.is_sql:
        yield from map(_indented, line.previews.values())


def _indented(text: str) -> str:
    return textwrap.indent(text, INDENT)


def _folds(shown: Shown) -> list[Fold]:
    """Return the calls that stand together, those of the last phase first."""
    return [each for items in reversed(shown) for each in items if isinstance(each, Fold)]


def _counted(words: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in words.items())


def _calls(number: int) -> str:
    return plain.count(number, "call") if number else ""


def _widest(texts: Iterable[str], least: int = 0) -> int:
    return max([least, *map(len, texts)])

"""A plan on one screen, as lines: one a call, cut to the width, and below them what it comes to."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator

import click

from handrail.engine.decide.decision import Do
from handrail.engine.outline.folds import Fold, Shown, folded
from handrail.engine.outline.line import Line, targets_of
from handrail.engine.outline.outline import Outline, Phase
from handrail.engine.outline.sentences import sentences
from handrail.ledger.arming import told_minutes
from handrail.ledger.entry import canonical
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about
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
        lines = found.lines
        self.task = max([7, *(len(line.call.task) + 1 for line in lines)])
        self.target = max([len(targets_of(line)) for line in lines], default=0)
        self.word = max([0, *(len(self._word(line)) for line in lines)]) if self.is_narrow else 14
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
            for item in items:
                if isinstance(item, Fold):
                    yield from self._folded(item)
                    continue
                yield self._line(item)
                yield from self._details(item)

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
        told = sum(len(list(self._details(line))) for line in self.found.lines)
        heads = len(phases) if len(phases) > 1 else 0
        room = height - heads - told - len(list(self.foot())) - BESIDE
        shown = folded(self.found, room)
        spare = room - sum(map(len, shown))
        rows: dict[int, int] = {}
        for fold in (each for items in reversed(shown) for each in items if isinstance(each, Fold)):
            wanted = len(self._wrapped_fold(fold))
            rows[id(fold)] = min(wanted, max(spare, 0) + 1)
            spare -= rows[id(fold)] - 1
        return shown, rows

    def _folded(self, fold: Fold) -> Iterator[str]:
        """Yield the lines of calls that stand together; what does not fit is cut."""
        text = self._wrapped_fold(fold)
        rows = self.rows[id(fold)]
        kept = text[:rows]
        if len(text) > rows:
            kept[-1] = f"{kept[-1].rstrip(';, ')}…"[: self.columns]
        yield self._justified(kept[0], _took(fold))
        yield from kept[1:]

    def _wrapped_fold(self, fold: Fold) -> list[str]:
        """Return how many calls there are of each word, and which; as many lines as that takes."""
        words = Counter(self._word(line) for line in fold.lines)
        told = ", ".join(f"{count} {word}" for word, count in words.items())
        first, owner = fold.lines[0].call.task, fold.lines[0].owner
        owner = f"; {owner}" if owner else ""
        if fold.looks:
            names = ", ".join(line.call.task for line in fold.lines)
        else:
            names = "; ".join(f"{line.call.task} {line.call.name}" for line in fold.lines)
            names = f"{names.removeprefix(f'{first} ')} ({targets_of(fold.lines[0])}{owner})"
        lead = f"{'  ' if self.is_narrow else '    '}{'' if fold.looks else first:<{self.task}}"
        head = f"{lead}{told:<{self.word}}  "
        return textwrap.wrap(
            one_line(names), self.columns - len(_took(fold)) - 2, initial_indent=head,
            subsequent_indent=" " * (len(lead) + 2), break_on_hyphens=False,
        )  # fmt: skip

    def _line(self, line: Line) -> str:
        """Return one call; what does not fit is cut, least important first."""
        because = one_line(line.because)
        mark = "; irreversible" if line.kept and line.is_busy else ""
        if line.confirm_minutes and line.is_busy:
            mark = f"; armed for {told_minutes(line.confirm_minutes)}"
        mark += f"; {line.owner}" if line.owner else ""
        what = f"{line.call.name} [{line.call.step}, {line.promise}{mark}]"
        word = self._word(line)
        head = f"    {line.call.task:<{self.task}}{targets_of(line):<{self.target}}  "
        rest = f"{what}{f': {because}' if because else ''}"
        if self.is_narrow:
            head, rest = (
                f"  {line.call.task:<{self.task}}",
                f"{line.call.name} ({targets_of(line)}{mark})",
            )
        tail = plain.rough(line.expected.seconds) if line.expected else ""
        text = self._justified(f"{head}{word:<{self.word}}  {rest}", tail)
        colour = COLOURS.get(line.decision.do)
        if not colour:
            return text
        return text[: len(head)] + self._style(word, fg=colour) + text[len(head) + len(word) :]

    def _word(self, line: Line) -> str:
        word = line.decision.word
        return SHORT.get(word, word.removeprefix("would ")) if self.is_narrow else word

    def _justified(self, text: str, tail: str) -> str:
        """Return a text cut to the width, with something at its right end."""
        room = self.columns - (len(tail) + 2 if tail else 0)
        cut = text if len(text) <= room else f"{text[: room - 1]}…"
        return f"{cut:<{room}}  {tail}" if tail else cut

    def _details(self, line: Line) -> Iterator[str]:
        """Yield what stops a call, whole; and all the rest where that was asked for."""
        if line.decision.stops:
            yield from self._wrapped("why:  ", line.decision.why)
            yield from self._wrapped("next: ", line.decision.fix)
        for text in line.unseen.values():
            yield textwrap.indent(text, INDENT)
        if not self.found.attempt.choices.diff:
            return
        for target, found in line.bindings.items():
            if found:
                words = ", ".join(f"{name}={_shown(value)}" for name, value in found.items())
                yield f"{INDENT}of {target}: {words}"
        for text in line.previews.values():
            if not line.is_sql:
                yield textwrap.indent(text, INDENT)

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
        found, attempt = self.found, self.found.attempt
        if attempt.beside:
            yield f"    {attempt.beside}: what it is at is not told yet"
        yield from (f"    {each}" for each in found.lost)
        if attempt.refusal is not None:
            yield f"    would refuse: {attempt.refusal.why}"
            yield f"    next: {attempt.refusal.fix}"
        if found.counts:
            counts = ", ".join(f"{count} {what}" for what, count in found.counts.items())
            yield f"    {counts}."
        for text in sentences(self.found):
            yield from textwrap.wrap(
                text, max(self.columns, 40), initial_indent="    ", subsequent_indent="      "
            )
        yield from self._more()

    def _more(self) -> Iterator[str]:
        """Yield what else there is to see, and what the words mean."""
        lines, choices = self.found.lines, self.found.attempt.choices
        shows = Counter(line.is_sql for line in lines if line.shows)
        if shows[True] and not choices.sql:
            yield f"    SQL of {plain.count(shows[True], 'call')}: add `--data sql=FILE`."
        if shows[False] and not choices.diff:
            calls = plain.count(shows[False], "call")
            yield f"    What {calls} would change, in full: add `--data diff=1`."
        if any(isinstance(each, Fold) for items in self.shown for each in items):
            yield "    Each call in a line of its own: add `--data calls=all`."
        promised = {line.promise for line in lines}
        told = [words for promise, words in PROMISES.items() if promise in promised]
        if told and not self.is_narrow:
            yield f"    {'; '.join(told)}."

    def _style(self, text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
        return click.style(text, fg=fg, bold=bold) if self.coloured else text


def _took(fold: Fold) -> str:
    """Return how long calls take together, as far as that was measured."""
    known = [line.expected.seconds for line in fold.lines if line.expected]
    return plain.rough(sum(known)) if known else ""


def _shown(value: object) -> str:
    text = canonical(value)
    return text if len(text) <= SHOWN_WIDTH else f"{text[:SHOWN_WIDTH]}…"

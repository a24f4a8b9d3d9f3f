"""A plan on one screen, as lines: one a call, cut to the width, and below them what it comes to."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby

import click

from handrail.engine.decide.decision import Do
from handrail.engine.outline.felt import Felt
from handrail.engine.outline.line import Line
from handrail.engine.outline.outline import Outline, Phase
from handrail.ledger.arming import told_minutes
from handrail.ledger.entry import canonical
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about
from handrail.ledger.views.distance import noted
from handrail.pages import one_line

WIDE = 200  # where there is no terminal to say how wide it is
NARROW = 120  # below this a line is made of what matters most
SHOWN_WIDTH = 100  # of one value that a call leaves out
INDENT = " " * 8
LONG, FEW = 40, 3  # calls of a plan from which on, and so many, calls with nothing to tell are one
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


def width() -> int:
    """Return how wide the screen is: `COLUMNS`, else the terminal, else wide."""
    return shutil.get_terminal_size((WIDE, 50)).columns


def is_coloured() -> bool:
    """Tell whether colours are wanted: on a terminal, unless `NO_COLOR` is set."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def screen(found: Outline, columns: int, *, coloured: bool = False) -> list[str]:
    """Return the plan as lines no wider than a screen.

    Args:
        found: The plan.
        columns: Width of the screen.
        coloured: Let colours repeat the words.
    """
    page = _Page(found, columns, coloured=coloured)
    return [*page.body(), *page.foot()]


class _Page:
    """The plan on a screen of some width."""

    def __init__(self, found: Outline, columns: int, *, coloured: bool) -> None:
        self.found, self.columns, self.coloured = found, columns, coloured
        self.is_narrow = columns < NARROW
        lines = found.lines
        self.task = max([7, *(len(line.call.task) + 1 for line in lines)])
        self.target = max([len(_targets(line)) for line in lines], default=0)
        self.word = max([0, *(len(self._word(line)) for line in lines)]) if self.is_narrow else 14
        self.is_long = len(lines) > LONG and not found.attempt.choices.diff

    def body(self) -> Iterator[str]:
        """Yield the head and every call."""
        attempt = self.found.attempt
        yield f"Plan for {attempt.run.id} on {attempt.environment}, as things stand now:"
        for phase in self.found.phases:
            if len(self.found.phases) > 1:
                yield self._phase(phase)
            for word, same in groupby(phase.lines, key=self._quiet):
                lines = list(same)
                if word and self.is_long and len(lines) > FEW:
                    yield f"    {lines[0].call.task} to {lines[-1].call.task}: {len(lines)} {word}"
                    continue
                for line in lines:
                    yield self._line(line)
                    yield from self._details(line)

    def _quiet(self, line: Line) -> str:
        """Return the word of a call of which there is nothing to tell, else nothing."""
        decision = line.decision
        return decision.word if decision.do is Do.LEAVE or decision.do is Do.NOTE else ""

    def _phase(self, phase: Phase) -> str:
        """Return the head of a phase: what is true at its end, and when that is."""
        names = ", ".join(hold.label for hold in phase.holds)
        what = f"To {names}: {phase.holds[-1].name}" if phase.holds else "To the end"
        takes = about(phase.expected) if phase.expected.tasks else "nothing to do"
        return self._style(self._justified(f"  {what}", takes), bold=True)

    def _line(self, line: Line) -> str:
        """Return one call; what does not fit is cut, least important first."""
        because = one_line(line.because)
        mark = "; irreversible" if line.kept and line.is_busy else ""
        if line.confirm_minutes and line.is_busy:
            mark = f"; armed for {told_minutes(line.confirm_minutes)}"
        what = f"{line.call.name} [{line.call.step}, {line.promise}{mark}]"
        word = self._word(line)
        head = f"    {line.call.task:<{self.task}}{_targets(line):<{self.target}}  "
        rest = f"{what}{f': {because}' if because else ''}"
        if self.is_narrow:
            head, rest = (
                f"  {line.call.task:<{self.task}}",
                f"{line.call.name} ({_targets(line)}{mark})",
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
        for text in self._sentences():
            yield from textwrap.wrap(
                text, max(self.columns, 40), initial_indent="    ", subsequent_indent="      "
            )
        yield from self._more()

    def _sentences(self) -> Iterator[str]:
        found = self.found
        undoes = bool(found.attempt.run.undoes)
        yield from (_felt(each) for each in found.stakes)
        yield from (_armed(line) for line in found.lines if line.confirm_minutes and line.is_busy)
        kept = [line for line in found.lines if line.kept and line.is_busy]
        for line in kept:
            yield f"Cannot be undone: {line.call.task} {line.call.name}: {line.kept}."
        if undoes:
            yield from _stays(found)
        if found.expected.tasks:
            yield _takes(found)
        if undoes:
            return
        yield from _way_back(found)

    def _more(self) -> Iterator[str]:
        """Yield what else there is to see, and what the words mean."""
        shows = [line for line in self.found.lines if line.shows]
        sql = sum(line.is_sql for line in shows)
        choices = self.found.attempt.choices
        if sql and not choices.sql:
            yield f"    SQL of {plain.count(sql, 'call')}: add `--data sql=FILE`."
        if len(shows) > sql and not choices.diff:
            calls = plain.count(len(shows) - sql, "call")
            yield f"    What {calls} would change, in full: add `--data diff=1`."
        promises = {
            "once": "once: at most once unattended",
            "again": "again: may act again after an interruption",
            "looks": "looks: changes nothing",
        }
        told = [promises[each] for each in promises
                if any(line.promise == each for line in self.found.lines)]  # fmt: skip
        if told and not self.is_narrow:
            yield f"    {'; '.join(told)}."

    def _style(self, text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
        return click.style(text, fg=fg, bold=bold) if self.coloured else text


def _targets(line: Line) -> str:
    """Return the targets of a call; of many, how many there are."""
    names = ", ".join(call.target for call in line.calls)
    return names if len(names) <= 24 else plain.count(len(line.calls), "target")  # noqa: PLR2004


def _felt(felt: Felt) -> str:
    """Return who feels what, from when to when, how long."""
    text = f"{felt.text[:1].upper()}{felt.text[1:]}"
    begins = f"since {plain.clock(felt.since)} ({felt.task})" if felt.since else f"from {felt.task}"
    until = felt.until or "the end of the run"
    told = f"{text} {begins} until {until} is done: {about(felt.lasts)}."
    if not felt.left_on:
        return told
    how = f"`to={felt.back_to}`" if felt.back_to else "a rollback"
    return f"{told} The run would hold while that is so; a rollback with {how} ends it."


def _armed(line: Line) -> str:
    """Return what becomes of a call that nobody confirms."""
    task, within = line.call.task, told_minutes(line.confirm_minutes)
    told = f"Armed: {task} is put back unless somebody confirms it within {within} of its end"
    return f"{told}: handrail confirm latest {task}."


def _stays(found: Outline) -> Iterator[str]:
    """Yield what a rollback leaves undone, and what is lost with what it undoes."""
    for line in found.lines:
        named = f"{line.call.task} on {_targets(line)}"
        if line.decision.do is Do.KEEP:
            yield f"Stays undone: {named}: {line.decision.why}."
        elif line.decision.acts and line.loses:
            yield f"Is lost: with {named}: {line.loses}."
    to = str(found.attempt.body.get("to", ""))
    if to:
        yield f"Stays as it is: everything up to {to}."
    for target in found.attempt.choices.without:
        yield f"Stays as it is: everything on `{target}`, which is left out."


def _takes(found: Outline) -> str:
    """Return how long all of it takes, and where that was measured."""
    measured = f"; measured on {', '.join(found.sources)}" if found.sources else ""
    way = noted(found.attempt.inventory.ledger)
    if measured and way is not None:
        measured += f", reckoned for {way * 1000:.0f} ms to the databases and back"
    return f"Expected: {about(found.expected)}{measured}."


def _way_back(found: Outline) -> Iterator[str]:
    """Yield what a way back takes, now and when all is done."""
    times = []
    if found.attempt.run.receipts():
        times.append(f"{about(found.way_back)}, now")
    if found.way_back_then.tasks:
        times.append(f"{about(found.way_back_then)}, once all of this is done")
    if times:
        yield f"Way back: {'; '.join(times)}."


def _shown(value: object) -> str:
    text = canonical(value)
    return text if len(text) <= SHOWN_WIDTH else f"{text[:SHOWN_WIDTH]}…"

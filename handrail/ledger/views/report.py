"""The report of a run: what it says in words, and all of it as plain text."""

import textwrap

from handrail.ledger.arming import armed_in
from handrail.ledger.audit import LIMITS, Audit
from handrail.ledger.views import plain, show
from handrail.ledger.views.audited import remarks
from handrail.ledger.views.evidence import Evidence
from handrail.ledger.views.times import Estimate
from handrail.pages import one_line

WIDTH = 100

Rows = list[tuple[str, ...]]


def render(evidence: Evidence, audit: Audit) -> list[str]:
    """Return the lines of a report: outcome, tasks, gates, reasons, rollback, trust."""
    lines = [show.headline(evidence.environment, evidence.run), ""]
    lines += plain.columns(outline(evidence), indent=4)
    for heading, rows in (
        (
            "Tasks",
            [("TASK", "STEP", "TARGET", "STATE", "ATTEMPTS", "TOOK", "NAME"), *tasks(evidence)],
        ),
        ("Attempts", attempts(evidence)),
        ("Gates and facts", facts(evidence)),
        ("Reasons given", reasons(evidence)),
    ):
        lines += ["", heading, *(plain.columns(rows, indent=4) or ["    none"])]
    lines += failures(evidence)
    lines += ["", "Rollback"]
    lines += _wrapped(rollback(evidence))
    lines += plain.columns(undone(evidence), indent=4)
    lines += ["", "Ledger"]
    lines += _wrapped(trust(audit))
    return lines + remarks(audit.problems + audit.warnings)


def failures(evidence: Evidence) -> list[str]:
    """Return what failed commands left behind, under a heading; nothing where none failed."""
    told = [(task, show.failures_of(task)) for task in evidence.tasks if task.failures]
    lines = ["", "Failed commands"] if told else []
    for task, said in told:
        lines.append(f"    {task.task}  {task.step} on {task.target}")
        lines += [f"        {line}" for line in said]
    return lines


def _wrapped(sentences: list[str]) -> list[str]:
    indent = " " * 4
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(
            one_line(sentence),
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
        )
    ]


def outline(evidence: Evidence) -> Rows:
    """Return name and value of what the report begins with."""
    run = evidence.run
    rows = [
        ("environment", evidence.environment),
        ("runbook", run.runbook),
        ("outcome", run.outcome.replace("_", " ")),
        ("operators", ", ".join(evidence.operators)),
        ("from", plain.moment(run.opened_at)),
        ("to", f"{plain.moment(evidence.ended_at)} ({plain.duration(evidence.seconds)})"),
        ("undoes", run.undoes),
        *(("armed", each.words) for each in armed_in(run)),
    ]
    return [row for row in rows if row[1]]


def tasks(evidence: Evidence) -> Rows:
    """Return the plan's tasks: id, step, target, state, attempts, time taken, name."""
    return [
        (
            task.task,
            task.step,
            task.target,
            show.state_of(task),
            str(task.attempts or ""),
            plain.duration(task.seconds),
            plain.owned(task.name, task.owner),
        )
        for task in evidence.tasks
    ]


def attempts(evidence: Evidence) -> Rows:
    """Return each start of the command: number, who, from, to, how it ended."""
    return [
        (
            str(attempt.number),
            attempt.actor,
            plain.moment(attempt.started_at),
            plain.moment(attempt.ended_at) or "no end on record",
            f"stopped at {attempt.stopped_by}"
            if attempt.stopped_by
            else attempt.outcome.replace("_", " "),
        )
        for attempt in evidence.attempts
    ]


def facts(evidence: Evidence) -> Rows:
    """Return what was found, of every task that has something to tell."""
    rows: Rows = []
    for task in evidence.tasks:
        found = "; ".join(filter(None, (task.why, plain.facts(task.facts))))
        if found or task.is_gate:
            kind = "gate" if task.is_gate else "step"
            rows.append((task.task, kind, task.step, task.target, found or show.state_of(task)))
    return rows


def reasons(evidence: Evidence) -> Rows:
    """Return every reason given: when, by whom, about what, the words."""
    return [
        (plain.moment(reason.at), reason.actor, f"{about} {reason.event}".strip(), reason.text)
        for about, reason in evidence.reasons()
    ]


def rollback(evidence: Evidence) -> list[str]:
    """Return in sentences what was put back, or what putting it back would take."""
    sentences = []
    if evidence.run.undoes:
        took = plain.duration(evidence.seconds)
        sentences.append(f"This run is a rollback: it undid {evidence.run.undoes} in {took}.")
    sentences += map(_put_back, evidence.rollbacks)
    left = evidence.to_undo()
    if not left:
        return sentences or ["Nothing of this run is left to undo."]
    if evidence.run.rolled_back:
        named = ", ".join(f"{task.step} ({task.task})" for task in left)
        return [*sentences, f"What cannot be put back stands: {named}."]
    tasks_left = plain.count(len(left), "task")
    measured = _measured(evidence.way_back)
    return [*sentences, f"To undo this run, {tasks_left} would be put back; {measured}."]


def _put_back(each: Evidence) -> str:
    """Return who undid a run, how far, and why."""
    by, took = ", ".join(each.operators), plain.duration(each.seconds)
    stands = each.run.outcome.replace("_", " ")
    return (
        f"{each.run.id} by {by}: {stands}, {show.tally(each.run)} in {took}, from "
        f"{plain.moment(each.run.opened_at)}. Reason: {each.run.reason}"
    )


def _measured(takes: Estimate) -> str:
    known = takes.tasks - takes.unmeasured
    if not known:
        return "this ledger holds no measured undo of these steps"
    took = plain.duration(takes.seconds)
    return f"by what this ledger measured, that takes {took} for {known} of them"


def undone(evidence: Evidence) -> Rows:
    """Return what rollbacks did about each task: id, step, target, state, time, why."""
    return [
        (
            task.task,
            task.step,
            task.target,
            show.state_of(task),
            plain.duration(task.seconds),
            task.why,
        )
        for each in evidence.rollbacks
        for task in each.tasks
    ]


def trust(audit: Audit) -> list[str]:
    """Return in sentences whether the ledger is to be trusted, its head, and the limits of that."""
    found = plain.count(len(audit.problems), "problem")
    verdict = (
        "The chain of entries was recomputed and no problem was found."
        if audit.good
        else f"{found} found; this report is not to be relied on."
    )
    head = f"Head of {audit.ledger}, entry {audit.entries}: {audit.head}"
    return [verdict, head, LIMITS]

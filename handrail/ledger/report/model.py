"""The report of a run as data: what `handrail report --json` prints, whose schema is published."""

from dataclasses import dataclass
from typing import Any

from handrail.ledger.report.figures import Aside, Count, Drilled, Series
from handrail.ledger.report.task import Again, Requirement, Span, Told

FORMAT = 1


@dataclass(frozen=True)
class Staked:
    """Something that was at stake.

    Args:
        text: What was so.
        felt: What users felt of it; empty where they felt nothing.
        task: The step that began it.
        target: Where.
        since: From when, RFC 3339.
        ended: Until when; null while it is on.
        seconds: How long; of what is on, until the last thing recorded.
    """

    text: str
    felt: str
    task: str
    target: str
    since: str
    ended: str | None
    seconds: float


@dataclass(frozen=True)
class Said:
    """What somebody decided or vouched for.

    Args:
        at: When, RFC 3339.
        by: Who.
        what: `override proof`, `settle=3.1#2:retry`, `approval given`, `takeover`, …
        about: The task and target, or the attempt.
        reason: Why, in their words.
    """

    at: str
    by: str
    what: str
    about: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """What the first screen tells.

    Args:
        sentence: Which run, where, how it stands.
        done: Tasks that are done.
        total: Tasks that there are.
        freeze_seconds: For how long something was at stake that users felt, each by itself.
        outage_seconds: The same, with what they felt at the same time counted once.
        felt: What users felt, each once.
        stakes: All that ever was at stake, oldest first.
        overrides: What somebody decided against the plan, oldest first.
    """

    sentence: str
    done: int
    total: int
    freeze_seconds: float
    outage_seconds: float
    felt: list[str]
    stakes: list[Staked]
    overrides: list[Said]


@dataclass(frozen=True)
class Started:
    """One start of the command: who, where, from what.

    Args:
        number: Which.
        actor: Who started it.
        machine: The machine it ran on.
        version: Version of handrail.
        commit: Commit of the checkout, and whether files differed from it.
        inventory: The inventory's file.
        inventory_sha256: Digest of its data.
        runbook_sha256: Digest of the runbook's file.
        plan_sha256: Digest of its calls and arguments; of its code, too, where people approve it.
        started_at: RFC 3339.
        ended_at: Empty where it was killed, or is at work.
        outcome: How the run stood then.
        stopped_by: Where it stopped.
        reason: Given with the command.
    """

    number: int
    actor: str
    machine: str
    version: str
    commit: str
    inventory: str
    inventory_sha256: str
    runbook_sha256: str
    plan_sha256: str
    started_at: str
    ended_at: str
    outcome: str
    stopped_by: str
    reason: str


@dataclass(frozen=True)
class PutBack:
    """A run that undid this one, or began to.

    Args:
        run: Its id.
        outcome: How it stands.
        operators: Who started it.
        reason: Why.
        started_at: RFC 3339.
        seconds: How long it took.
        tasks: Of each task: id, target, state, seconds and why.
    """

    run: str
    outcome: str
    operators: list[str]
    reason: str
    started_at: str
    seconds: float
    tasks: list[dict[str, Any]]


@dataclass(frozen=True)
class Report:
    """The report of a run.

    Args:
        format: Of this shape; it grows where a field changes its meaning.
        environment: Where.
        run: Its id.
        runbook: Name of the runbook.
        outcome: As `handrail status --json` has it.
        undoes: The run that it undoes, where it is a rollback.
        undone_by: The runs that undid it, oldest first.
        opened_at: RFC 3339.
        ended_at: When the last thing was recorded of it.
        seconds: From one to the other.
        operators: Who started it, each once.
        summary: What the first screen tells.
        attempts: Each start of the command.
        takeovers: Whose lease was taken, with the reason.
        holds: Label, sentence and last task of each labelled place.
        spans: When each task was at work.
        tasks: Every task of the plan.
        requirements: What the plan asks for.
        counts: Rows before and after.
        kept_out: Rows that were kept out, by table and reason.
        adjusted: Values that were changed, by table and reason.
        series: Figures of gates over their windows.
        people: Approvals and confirmations, oldest first.
        again: What was void.
        drill: The drill beside the night.
        rollbacks: What undid it.
        way_back: Sentences on what was put back, or what that would take.
        time: Where the time went, in seconds.
        verification: What an independent look at the ledger found, with its head.
        verify: The command that repeats that look.
    """

    format: int
    environment: str
    run: str
    runbook: str
    outcome: str
    undoes: str | None
    undone_by: list[str]
    opened_at: str
    ended_at: str
    seconds: float
    operators: list[str]
    summary: Summary
    attempts: list[Started]
    takeovers: list[dict[str, str]]
    holds: list[dict[str, str]]
    spans: list[Span]
    tasks: list[Told]
    requirements: list[Requirement]
    counts: list[Count]
    kept_out: list[Aside]
    adjusted: list[Aside]
    series: list[Series]
    people: list[Said]
    again: list[Again]
    drill: Drilled | None
    rollbacks: list[PutBack]
    way_back: list[str]
    time: dict[str, Any]
    verification: dict[str, Any]
    verify: str

"""What a report tells of the tasks of a run."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """A stretch of time in which a task was at work, or a gate waited.

    Args:
        task: Id of the plan's task.
        target: Where.
        kind: `work` or `wait`.
        began: RFC 3339.
        ended: Null where no end is on record.
        end: `changed`, `failed`, `rolled back`, `passed`, `closed`; empty where there is none.
    """

    task: str
    target: str
    kind: str
    began: str
    ended: str | None
    end: str


@dataclass(frozen=True)
class Command:
    """A command that a step carried out.

    Args:
        command: The command, its secrets withheld, its end cut.
        seconds: How long it took.
        good: It did its part.
        exit_status: Of a shell line that failed.
    """

    command: str
    seconds: float
    good: bool
    exit_status: int | None = None


@dataclass(frozen=True)
class Failed:
    """What a command left behind that did not succeed.

    Args:
        at: When, RFC 3339.
        attempt: In which attempt.
        command: The command, its secrets withheld.
        exit_status: Null where no shell ended.
        output: The end of what it said.
    """

    at: str
    attempt: int
    command: str
    exit_status: int | None
    output: str


@dataclass(frozen=True)
class Told:
    """One task of the plan on one target.

    Args:
        task: Id of the plan's task.
        step: Ledger name of its step.
        target: Where.
        name: Its sentence.
        owner: Who answers for it.
        kind: `step` or `gate`.
        state: As `handrail status --json` has it.
        words: The same in words.
        in_doubt: An effect began whose end is not on record.
        why: What its last outcome said.
        phase: The hold that it leads to; empty where the end of the runbook does.
        requirements: Ids of what it serves.
        attempts: In how many attempts it was asked.
        started_at: When it last began.
        settled_at: When it was last settled.
        seconds: How long it took.
        expected_seconds: How long it was to take, by what was measured before this run.
        late_seconds: By how much it took longer than 95 of 100 do; 0 where it was not late.
        facts: What its proof told.
        arguments: What it was called with; sealed values by the start of their names.
        acted: It changed something.
        before: What was there before.
        way_back: Sentence of its way back; empty where it has none.
        reasons: What people said about it.
        commands: What it carried out.
        failures: What failed, oldest first.
    """

    task: str
    step: str
    target: str
    name: str
    owner: str
    kind: str
    state: str
    words: str
    in_doubt: bool
    why: str
    phase: str
    requirements: list[str]
    attempts: int
    started_at: str | None
    settled_at: str | None
    seconds: float | None
    expected_seconds: float | None
    late_seconds: float
    facts: dict[str, Any]
    arguments: dict[str, Any]
    acted: bool
    before: Any
    way_back: str
    reasons: list[dict[str, str]]
    commands: list[Command]
    failures: list[Failed]


@dataclass(frozen=True)
class Requirement:
    """What the plan asks for, and the tasks that serve it.

    Args:
        id: Its number in the plan.
        text: What it asks for.
        tasks: Ids of the tasks.
        proven: Each of them is done and proven.
    """

    id: str
    text: str
    tasks: list[str]
    proven: bool


@dataclass(frozen=True)
class Again:
    """What was proven, was void, and was asked or done again.

    Args:
        at: When, RFC 3339.
        task: The task.
        target: Where.
        what: `asked again` or `done again`.
        because: The steps before it that had acted meanwhile; empty where it was drift.
    """

    at: str
    task: str
    target: str
    what: str
    because: list[str]

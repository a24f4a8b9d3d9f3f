"""What a report counts: rows, figures of gates, the drill beside the night."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """Rows of one table on both sides.

    Args:
        task: The gate that counted.
        target: Where.
        table: The table.
        before: Rows there were.
        kept_out: Rows that were kept out.
        expected: Rows that had to arrive.
        after: Rows there are.
        equal: All of them were compared and are equal.
    """

    task: str
    target: str
    table: str
    before: int
    kept_out: int
    expected: int
    after: int
    equal: bool


@dataclass(frozen=True)
class Aside:
    """Rows of one table that were kept out, or adjusted, for one reason.

    Args:
        task: The gate that tells it.
        target: Where.
        table: The table.
        reason: Why, or what became of which column.
        rows: How many.
        keys: Keys of the first of them.
    """

    task: str
    target: str
    table: str
    reason: str
    rows: int
    keys: list[str]


@dataclass(frozen=True)
class Series:
    """One figure of a gate over its window.

    Args:
        task: The gate.
        target: Where.
        figure: Its name.
        at: When each was told, RFC 3339.
        values: The figures.
    """

    task: str
    target: str
    figure: str
    at: list[str]
    values: list[float]


@dataclass(frozen=True)
class Timed:
    """How long a task took in the drill and in this run, in seconds.

    Args:
        task: Id of the plan's task.
        target: Where.
        forward: In the drill.
        back: Its way back there.
        again: The second time.
        here: In this run.
    """

    task: str
    target: str
    forward: float | None
    back: float | None
    again: float | None
    here: float | None


@dataclass(frozen=True)
class Drilled:
    """The newest drill of the same runbook that ended before this run began.

    Args:
        drill: Its id.
        environment: Where.
        ended_at: When, RFC 3339.
        as_before: How many receipts read as before once they were put back.
        tasks: How long each task took, beside this run.
    """

    drill: str
    environment: str
    ended_at: str
    as_before: int
    tasks: list[Timed]

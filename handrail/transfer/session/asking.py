"""Questions that go out together, so that all of them wait once for the way there and back.

A line of questions is a generator: it yields what it wants to know, is sent the rows, and returns
what it makes of them. Of lines that are asked together, the first questions share one round trip,
then the second ones: at a distance, twenty tables take as long as one.
"""

import itertools
from collections import ChainMap, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from handrail.transfer.session import refused
from handrail.transfer.session.connection import Connection

T = TypeVar("T")
Rows = list[tuple[Any, ...]]  # Any: what a column holds is known by the query only


@dataclass(frozen=True)
class Question:
    """One statement for one session; its rows are kept in memory, so it is for few of them.

    With `texts`, every value comes as the server writes it: what COPY would give.
    """

    session: Connection
    query: str
    arguments: Sequence[object] | Mapping[str, object] = ()
    texts: bool = False


Line = Generator[list[Question], list[Rows], T]


def rows(session: Connection, query: str, *arguments: object) -> Line[Rows]:
    """Ask one question; `yield from` gives its rows."""
    (found,) = yield [Question(session, query, arguments)]
    return found


def only(session: Connection, query: str, *arguments: object) -> Line[Any]:  # Any: as in Rows
    """Ask for one value: the first of the first row."""
    found = yield from rows(session, query, *arguments)
    return found[0][0]


def side_by_side(lines: Iterable[Line[T]]) -> Line[list[T]]:
    """Ask several lines at once; return what each comes to, in their order."""
    done: dict[int, T] = {}
    waiting: dict[int, tuple[Line[T], list[Question]]] = {}

    def go_on(place: int, line: Line[T], answers: list[Rows] | None) -> None:
        try:
            asked = next(line) if answers is None else line.send(answers)
            waiting[place] = line, asked
        except StopIteration as end:
            done[place] = end.value
            waiting.pop(place, None)

    for place, line in enumerate(lines):
        go_on(place, line, None)
    while waiting:
        answers = iter((yield [each for _, asked in waiting.values() for each in asked]))
        for place, (line, asked) in list(waiting.items()):
            go_on(place, line, list(itertools.islice(answers, len(asked))))
    return [done[place] for place in sorted(done)]


def gathered(lines: Iterable[Line[list[T]]]) -> Line[list[T]]:
    """Ask several lines at once; return all that they find as one list, in their order."""
    found = yield from side_by_side(lines)
    return list(itertools.chain.from_iterable(found))


def together(lines: Iterable[Line[T]]) -> list[T]:
    """Carry lines of questions to their ends; return what each comes to, in their order."""
    return answered(side_by_side(lines))


def answered(line: Line[T]) -> T:
    """Carry one line of questions to its end, and return what it comes to.

    Raises:
        psycopg.Error: what a server said to the first question that it did not answer.
    """
    try:
        asked = next(line)
        while True:
            asked = line.send(answers(asked))
    except StopIteration as end:
        result: T = end.value
        return result


def answers(asked: Sequence[Question]) -> list[Rows]:
    """Answer all questions, those of different sessions at the same time."""
    shares = _by_session(asked)
    if len(shares) > 1:
        with ThreadPoolExecutor(len(shares)) as pool:
            found = list(pool.map(_answered_by_one, shares))
    else:
        found = list(map(_answered_by_one, shares))
    by_place = ChainMap(*found)
    return [by_place[place] for place in range(len(asked))]


def _by_session(asked: Sequence[Question]) -> list[dict[int, Question]]:
    """Return the questions of each session by their places among all."""
    shares: defaultdict[int, dict[int, Question]] = defaultdict(dict)
    for place, question in enumerate(asked):
        shares[id(question.session)][place] = question
    return list(shares.values())


def _answered_by_one(share: dict[int, Question]) -> dict[int, Rows]:
    """Answer the questions of one session."""
    questions = list(share.values())
    cursors = _sent(questions[0].session, questions)
    found = zip(share.items(), cursors, strict=True)
    return {place: _rows(cursor, texts=question.texts) for (place, question), cursor in found}


def _sent(
    session: Connection, questions: Sequence[Question]
) -> list[psycopg.Cursor[tuple[Any, ...]]]:  # Any: as in Rows
    """Send questions in one go, and wait for their answers.

    Raises:
        psycopg.Error: the first that was not answered. It is not raised through the pipeline, which
            would write to the terminal that it could not end in good order.
    """
    failed: list[psycopg.Error] = []
    cursors: list[psycopg.Cursor[tuple[Any, ...]]] = []
    try:
        with session.pipeline():
            try:
                cursors += [session.execute(q.query, q.arguments or None) for q in questions]
            except psycopg.Error as error:
                failed.append(error)
    except psycopg.Error as error:
        failed.append(error)
    if failed:
        refused.asked(failed[0], session.called)
        raise failed[0]
    return cursors


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]], *, texts: bool) -> Rows:  # Any: as in Rows
    if texts and cursor.pgresult is not None:
        return list(_written(cursor.pgresult))
    return cursor.fetchall() if cursor.description else []


def _written(result: PGresult) -> Iterator[tuple[str | None, ...]]:
    """Yield rows as the server writes their values."""
    columns = range(result.nfields)
    for row in range(result.ntuples):
        cells = [result.get_value(row, column) for column in columns]
        yield tuple(None if cell is None else cell.decode() for cell in cells)


def enter(
    stack: ExitStack, *openings: Callable[[], AbstractContextManager[Connection]]
) -> list[Connection]:
    """Open sessions at the same time: each alone takes five ways there and back.

    They are closed as if they had been opened in this order, those that were opened before one
    failed as well.
    """

    def entered(
        opening: Callable[[], AbstractContextManager[Connection]],
    ) -> tuple[AbstractContextManager[Connection], Connection]:
        session = opening()
        return session, session.__enter__()

    with ThreadPoolExecutor(len(openings)) as pool:
        entering = [pool.submit(entered, opening) for opening in openings]
    for each in entering:
        if each.exception() is None:
            stack.push(each.result()[0])
    return [each.result()[1] for each in entering]


@dataclass(frozen=True)
class Begun:
    """A transaction: what its first questions came to, and its last ones, asked as it ends."""

    found: list[Any]  # Any: as in Rows
    last: list[Line[Any]] = field(default_factory=list)


@contextmanager
def beginning(session: Connection, *first: Line[Any]) -> Iterator[Begun]:  # Any: as in Rows
    """Begin a transaction with its first questions in one round trip, and end it with its last.

    It is committed at the end of the block. Within a transaction the block is part of that one.
    """
    if session.info.transaction_status != TransactionStatus.IDLE:
        begun = Begun(together(first))
        yield begun
        together(begun.last)
        return
    try:
        begun = Begun(together([rows(session, "begin"), *first])[1:])
        yield begun
        together([*begun.last, rows(session, "commit")])
    except BaseException:
        if not session.closed:
            session.rollback()
        raise


def transactions(
    session: Connection, first: Callable[[], Sequence[Line[Any]]]
) -> Iterator[Begun]:  # Any: as in Rows
    """Give one transaction after the other, each begun in the round trip that commits the last.

    The one that a caller stops in is not committed; it ends with the session.

    Args:
        session: In no transaction.
        first: Returns what each begins with.
    """
    last: list[Line[Any]] = []
    while True:
        asked = first()
        found = together([*last, rows(session, "begin"), *asked])
        begun = Begun(found[len(last) + 1 :])
        yield begun
        last = [*begun.last, rows(session, "commit")]

"""pyinfra's own operations, called plainly in a runbook or a step, are refused."""

import ast
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.api.state import State
from pyinfra.context import ctx_state, host

from handrail.engine.reading import runbook_frame
from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError

LEAST_FRAMES = 2  # who called it, and the operation
_adding: set[Host] = set()  # targets on which a step is being added right now


@contextmanager
def ours(target: Host) -> Iterator[None]:
    """Let the step that is being called add its operation on a target."""
    _adding.add(target)
    try:
        yield
    finally:
        _adding.discard(target)


def refuse_plain_operations() -> None:
    """Refuse pyinfra's own operations in this runbook: those before, and each that comes.

    A plain operation would run on the healthy targets after the run has stopped, and stand in no
    ledger, while the closing line says that all steps are proven.

    Raises:
        Refused: one stands before `begin()`.
    """
    current: State = ctx_state.get()  # type: ignore[no-untyped-call]  # pyinfra's is untyped
    if current.ops.get(host) and "set_op_data_for_host" not in vars(current):
        raise refuse(_refusal("one of pyinfra's own operations stands before `begin()`", None))
    add = current.__class__.set_op_data_for_host

    def guarded(target: Host, op_hash: str, data: Any) -> None:  # Any: pyinfra's own
        if target not in _adding and not current.is_executing:
            raise refuse(_refusal(*_call()))
        add(current, target, op_hash, data)

    current.set_op_data_for_host = guarded  # type: ignore[method-assign, assignment]


def _refusal(what: str, call: str | None) -> RunbookError:
    line = call or "yield from uses(OPERATION, …)"
    return RunbookError(
        "the runbook was not started",
        f"{what}: it would run though the run has stopped, and stand in no ledger",
        f"write it into a step: `{line}` in its body; or, where pyinfra can tell that there is "
        "nothing to do, make it one: `adopt(OPERATION, captures=…, rollback=…)`",
    )


def _call() -> tuple[str, str | None]:
    """Return what stands in the runbook, and the line to write into a step instead."""
    frame = runbook_frame()
    if frame is None:
        return "one of pyinfra's own operations was called outside of the runbook file", None
    wanted = frame.f_code.co_filename
    called = _source(wanted, frame.f_lineno)
    where = f"{wanted}:{frame.f_lineno}"
    if called is None:
        return f"one of pyinfra's own operations stands at {where}", None
    name = ast.unparse(called.func)
    if not is_operation(_meant(called.func, frame.f_globals)):
        return f"`{name}` ({where}) calls pyinfra's own operations", None
    return f"`{name}` ({where}) is one of pyinfra's own operations", line(called)


def _meant(name: ast.expr, known: Mapping[str, object]) -> object:
    """Return what a dotted name means in a runbook; None where it is none, or nothing."""
    if isinstance(name, ast.Name):
        return known.get(name.id)
    if isinstance(name, ast.Attribute):
        return getattr(_meant(name.value, known), name.attr, None)
    return None


def _source(path: str, line_number: int) -> ast.Call | None:
    """Return the outermost call of a file's line."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    calls = (each for each in ast.walk(tree) if isinstance(each, ast.Call))
    lines = [each for each in calls if each.lineno <= line_number <= (each.end_lineno or 0)]
    return lines[0] if lines else None


@contextmanager
def told_apart() -> Iterator[None]:
    """Refuse in words an operation that a body, a clause or a called function calls plainly.

    pyinfra itself only raises, for an operation is at work already: the step.

    Raises:
        RunbookError: one was called.
    """
    try:
        yield
    except Exception as error:
        frames = list(traceback.walk_tb(error.__traceback__))
        if len(frames) < LEAST_FRAMES or not _calls_operation(frames[-1][0]):
            raise
        raise _called_at(*frames[-2], frames[-1][0].f_locals["func"]) from None


def refuse_called_operation(function: Callable[..., object]) -> None:
    """Raise where a step says `call(…)` of one of pyinfra's operations."""
    if is_operation(function):
        name = name_of(function)
        raise _inside(f"`call({name}, …)`", f"yield from uses({name}, …)")


def is_operation(found: object) -> bool:
    """Tell one of pyinfra's operations; a deploy of pyinfra's has an inner function, too."""
    return hasattr(getattr(found, "_inner", None), "is_idempotent")


def name_of(op: object) -> str:
    """Return an operation's name as pyinfra's documentation spells it: `files.put`."""
    module = str(getattr(op, "__module__", "")).rpartition(".")[2]
    return f"{module}.{getattr(op, '__name__', type(op).__name__)}"


def _calls_operation(frame: FrameType) -> bool:
    """Tell whether a frame is the call of an operation of pyinfra's, and not what it led to."""
    module = frame.f_globals.get("__name__")
    return module == operation.__module__ and frame.f_code.co_name == "decorated_func"


def _called_at(frame: FrameType, line_number: int, function: FunctionType) -> RunbookError:
    """Return the refusal of an operation that was called at a line of a step."""
    path = frame.f_code.co_filename
    called = _source(path, line_number)
    instead = line(called) if called else f"yield from uses({name_of(function)}, …)"
    return _inside(f"`{name_of(function)}` ({path}:{line_number})", instead)


def _inside(call: str, instead: str) -> RunbookError:
    return RunbookError(
        "an operation of pyinfra's was not carried out",
        f"{call} is called plainly inside a step, where neither guard nor ledger would know of it",
        f"write `{instead}` in the body of the step itself",
    )


def line(called: ast.Call) -> str:
    """Return the line of a step's body that does what a plain call would do."""
    own = [each for each in called.keywords if not _about_the_call(each.arg)]
    words = [ast.unparse(each) for each in (called.func, *called.args, *own)]
    return f"yield from uses({', '.join(words)})"


def _about_the_call(name: str | None) -> bool:
    return name == "name" or (name or "").startswith("_")

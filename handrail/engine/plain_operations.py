"""pyinfra's own operations as calls of a runbook: refused, for no ledger would know of them."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import ctx_state, host, state

from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError

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
    frame, wanted = inspect.currentframe(), str(state.current_deploy_filename)
    while frame is not None and frame.f_code.co_filename != wanted:
        frame = frame.f_back
    if frame is None:
        return "one of pyinfra's own operations was called outside of the runbook file", None
    called = _source(frame, wanted)
    where = f"{wanted}:{frame.f_lineno}"
    if called is None:
        return f"one of pyinfra's own operations stands at {where}", None
    name = ast.unparse(called.func)
    inner = getattr(_meant(called.func, frame.f_globals), "_inner", None)
    if not hasattr(inner, "is_idempotent"):  # a deploy of pyinfra's has an inner function, too
        return f"`{name}` ({where}) calls pyinfra's own operations", None
    return f"`{name}` ({where}) is one of pyinfra's own operations", line(called)


def _meant(name: ast.expr, known: Mapping[str, object]) -> object:
    """Return what a dotted name means in a runbook; None where it is none, or nothing."""
    if isinstance(name, ast.Name):
        return known.get(name.id)
    if isinstance(name, ast.Attribute):
        return getattr(_meant(name.value, known), name.attr, None)
    return None


def _source(frame: FrameType, path: str) -> ast.Call | None:
    """Return the outermost call of a runbook's line."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    lines = [
        each
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and each.lineno <= frame.f_lineno <= (each.end_lineno or 0)
    ]
    return lines[0] if lines else None


def line(called: ast.Call) -> str:
    """Return the line of a step's body that does what a plain call would do."""
    own = [each for each in called.keywords if not _about_the_call(each.arg)]
    words = [ast.unparse(each) for each in (called.func, *called.args, *own)]
    return f"yield from uses({', '.join(words)})"


def _about_the_call(name: str | None) -> bool:
    return name == "name" or (name or "").startswith("_")

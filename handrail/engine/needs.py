"""The data a runbook needs of its targets, held against what the inventory has, all at once."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, get_type_hints

from handrail.naming import FIRST, meant

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Data that the engine or pyinfra's own connectors read; any other key must be one that the
# runbook asks for, so that a misspelt key is told and not ignored.
FORWARD = frozenset(
    {
        *("reason", "operator", "settle", "drift", "to", "without", "takeover", "drill"),
        *("override", "window_ends", "sql", "diff", "on_failure", "plan", "freeze"),
        "calls",
    }
)
ROLLBACK = FORWARD | {"run", "accept"}
GUARD = {
    "guarded",
    "proofs",
    "proof_days",
    "signers",
    "undo_minutes",
    "window_ends",
    "notify",
    "secrets_expire",
}
LEDGER = {"environment", "ledger", "ledger_key", "lease_seconds", "approvers", "seal"}
OF_THE_INVENTORY = (GUARD | LEDGER) - FORWARD
ENGINE_KEYS = ROLLBACK | GUARD | LEDGER
CONNECTOR_PREFIXES = ("ssh_", "docker_", "local_", "_")
KINDS = {
    "string_type": "str",
    "int_type": "int",
    "float_type": "float",
    "bool_type": "bool",
    "list_type": "list",
    "dict_type": "dict",
}

Fault = tuple[str, str]  # why, and what to do


def faults(
    target: str, values: Mapping[str, Any], shapes: list[type]
) -> Iterator[Fault]:  # Any: what an inventory holds
    """Yield each fault in a target's data: unknown, missing, or of another type, nested as well."""
    known: dict[str, Any] = {}  # Any: a type, or what typing makes of one
    for shape in shapes:
        known |= get_type_hints(shape)
    for key in values:
        if key not in known.keys() | ENGINE_KEYS and not key.startswith(CONNECTOR_PREFIXES):
            yield (
                f"`{target}` has data `{key}`, which this runbook does not know",
                f"{meant(key, known, FIRST)}correct or remove it in the inventory",
            )
    yield from _wrong(target, known, values)


def _wrong(
    target: str,
    known: Mapping[str, Any],
    values: Mapping[str, Any],  # Any: what inventories hold
) -> Iterator[Fault]:
    """Yield what is missing, or not of the kind that was asked for."""
    # Here: a runbook that asks for nothing need not wait for it at its start.
    from pydantic import ConfigDict, TypeAdapter, ValidationError  # noqa: PLC0415

    strict = ConfigDict(strict=True, arbitrary_types_allowed=True)
    for key, hint in known.items():
        if key not in values:
            fix = f"add `{key}` to its data in the inventory; see inventory/prod.py"
            yield f"`{target}` lacks data `{key}`", fix
            continue
        try:
            TypeAdapter(hint, config=strict).validate_python(values[key])
        except ValidationError as error:
            for each in error.errors(include_url=False):
                fix = f"correct `{key}` in the inventory; see inventory/prod.py"
                yield f"data `{_place(key, each)}` of `{target}` {_told(each)}", fix


def _place(key: str, error: "ErrorDetails") -> str:
    """Return where in the data it is: `monitor.pace`, `tables[3]`."""
    place = key
    for step in error["loc"]:
        if isinstance(step, int):
            place += f"[{step}]"
        elif step not in {"str", "int", "float", "bool"} and "[" not in step:  # arms of a union
            place += f".{step}"
    return place


def _told(error: "ErrorDetails") -> str:
    wanted = KINDS.get(error["type"])
    if wanted is None:
        return f"was not accepted: {error['msg'][:1].lower()}{error['msg'][1:]}"
    return f"is not {wanted} but {type(error['input']).__name__}"


def is_amount(value: object, least: float = 0.0) -> TypeGuard[float]:
    """Tell whether a datum is a number above 0, and not below the least; True is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value > 0 and value >= least


def read_by(runbook: Path) -> set[str]:
    """Return the data that a runbook names itself: `host.data.room`, `host.data.get("room")`."""
    tree = ast.parse(runbook.read_text(encoding="utf-8"))
    return set().union(*map(_read_in, ast.walk(tree)))


def _read_in(node: ast.AST) -> set[str]:
    """Return the data that one expression reads by itself."""
    match node:
        case ast.Attribute(value, name) if ast.unparse(value) == "host.data":
            return {name}
        case ast.Call(args=[_, *_] as given) if "host.data" in ast.unparse(node):
            return {text for each in given for text in _texts(each)}
    return set()


def _texts(node: ast.AST) -> list[str]:
    """Return the text that stands there, where one does."""
    said = node.value if isinstance(node, ast.Constant) else None
    return [said] if isinstance(said, str) else []

"""A step's contract: what must hold before, what was there, what will hold, how to put it back."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType, ParamSpec

from pyinfra.api.command import PyinfraCommand

from handrail.engine.clause import Clause, claim_of, parameters
from handrail.engine.names import current_name, imported, ledger_name, modules_of
from handrail.engine.signature import (
    SUPPLIED,
    readers_of,
    refuse_reserved,
    signature_without,
)
from handrail.ledger.errors import RunbookError
from handrail.naming import ticked

P = ParamSpec("P")
# Told its own step's arguments and another's; whether what that one writes is part of its claim.
Follows = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]  # Any: JSON


@dataclass(frozen=True)
class Call:
    """A Python call that a step's body hands to pyinfra instead of a shell command."""

    function: Callable[..., object]
    args: tuple[Any, ...]  # Any: whatever the function takes
    kwargs: dict[str, Any]  # Any: as above


Sql = NewType("Sql", str)  # what a preview returns that is SQL, to be written to a file
Commands = Iterator[str | Call | PyinfraCommand]  # what the body of a step yields


def call(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Call:
    """Make a function call into a command of a step; a ClientError from it fails the step."""
    return Call(function, args, kwargs)


@dataclass(frozen=True)
class Irreversible:
    """The statement that a step cannot be undone, at least not by itself."""

    reason: str
    instead: str
    undone_by: str = ""


def irreversible(reason: str, *, instead: str, undone_by: str = "") -> Irreversible:
    """Declare in place of a rollback that there is none, and what to do instead.

    Args:
        reason: Why not.
        instead: What to do.
        undone_by: Ledger name of a step whose own way back, on the same target, takes this one
            back, too: where a rollback undoes that step, this one is settled with it.
    """
    return Irreversible(reason, instead, undone_by)


BACK = {"rollback", "cancels", "gone"}  # clauses that are told what was before
GATES_NEED_NONE = Irreversible("a gate changes nothing", "nothing is needed")


@dataclass(frozen=True)
class Contract:
    """Everything the engine knows about a step."""

    name: str
    summary: str
    body: Callable[..., Commands]
    requires: tuple[Clause, ...]
    captures: Clause | None
    ensures: Clause
    rollback: Clause | Irreversible
    idempotent: bool
    signature: inspect.Signature
    readers: Mapping[str, Callable[[Any], Any]]  # by argument; Any: inventory data and its type
    preview: Clause | None = None
    keeps_since: bool = False  # its rollback keeps what others wrote there since it acted
    adopted: bool = False  # an operation of pyinfra's: its defaults stand, references are secrets
    stake: str = ""  # what is at stake from its act on, as a clause: "the database refuses writes"
    felt: str = ""  # what users feel of that, as a clause; empty where they feel nothing
    rollback_name: str = ""  # its way back as a sentence for 2 a.m.; empty where it has none
    rollback_loses: str = ""  # what its way back does not bring back, as a clause
    round_trips: int = 0  # about how often it goes to a database and back, its claims included
    cancels: Clause | None = None  # takes back what it asked of others and may still arrive
    gone: Clause | None = None  # which entries of a snapshot are of what is gone for good
    follows: Mapping[str, Follows] = field(default_factory=dict)  # by step: is its claim of that?

    @property
    def is_gate(self) -> bool:
        """Tell a gate from a step."""
        return self.rollback is GATES_NEED_NONE

    @property
    def no_way_back(self) -> str:
        """Return why it is not undone, and what to do instead; empty where it has a way back."""
        way = self.rollback
        return f"{way.reason}; instead: {way.instead}" if isinstance(way, Irreversible) else ""

    @property
    def previews_sql(self) -> bool:
        """Tell whether its preview is SQL, by what that says it returns."""
        told = inspect.signature(self.preview).return_annotation if self.preview else None
        return told in (Sql, "Sql")


def contract_of(
    body: Callable[..., Commands],
    *,
    requires: Sequence[Clause],
    captures: Clause | None,
    ensures: Clause,
    rollback: Clause | Irreversible,
    idempotent: bool,
    preview: Clause | None = None,
    keeps_since: bool = False,
    stake: str = "",
    felt: str = "",
    rollback_name: str = "",
    rollback_loses: str = "",
    round_trips: int = 0,
    cancels: Clause | None = None,
    gone: Clause | None = None,
    follows: Mapping[str, Follows] | None = None,
) -> Contract:
    """Put a contract together.

    Raises:
        TypeError: a clause is missing or takes what the step does not have; at import.
    """
    name = ledger_name(body)
    if not inspect.isgeneratorfunction(body):
        raise TypeError(f"{name}: the body yields no command; `yield call(…)` or a shell line")
    refuse_reserved(body)
    if captures is None and not isinstance(rollback, Irreversible):
        raise TypeError(f"{name}: `captures` is missing, so `rollback` has nothing to go back to")
    clauses: list[tuple[str, object]] = [("requires", each) for each in requires]
    clauses += [("ensures", ensures), ("captures", captures)]
    clauses += [("preview", preview), ("rollback", rollback), ("cancels", cancels)]
    clauses += [("gone", gone)]
    _refuse_strange_arguments(body, clauses)
    return Contract(
        name=name,
        summary=claim_of(body),
        body=body,
        requires=tuple(requires),
        captures=captures,
        ensures=ensures,
        rollback=rollback,
        idempotent=idempotent,
        signature=signature_without(body, SUPPLIED),
        readers=readers_of(body),
        preview=preview,
        keeps_since=keeps_since,
        stake=stake,
        felt=felt,
        rollback_name=rollback_name or way_back_of(rollback),
        rollback_loses=rollback_loses,
        round_trips=round_trips,
        cancels=cancels,
        gone=gone,
        follows=follows or {},
    )


def _refuse_strange_arguments(
    body: Callable[..., Commands], clauses: Sequence[tuple[str, object]]
) -> None:
    """Raise where a clause takes what the step lacks; a way back is told what was before."""
    offered = set(inspect.signature(body).parameters) | SUPPLIED
    for kind, clause in clauses:
        names = offered | {"before"} if kind in BACK else offered
        strange = set(parameters(clause)) - names if callable(clause) else set()
        if strange:
            raise TypeError(
                f"{ledger_name(body)}: `{kind}` clause `{getattr(clause, '__name__', kind)}` takes "
                f"{ticked(sorted(strange))}, which the step does not"
            )


def way_back_of(rollback: Clause | Irreversible) -> str:
    """Return a way back as a sentence: what the clause says of itself; nothing where none is."""
    return "" if isinstance(rollback, Irreversible) else claim_of(rollback)


def load(name: str) -> Contract:
    """Return the contract a ledger names, by the name it had then or has today.

    Raises:
        RunbookError: there is no such step any more.
    """
    today = current_name(name)
    found = (_contract_in(imported(path), today) for path in modules_of(today))
    if contract := next(filter(None, found), None):
        return contract
    raise RunbookError(
        f"step `{name}` was not found",
        "the ledger names it and this checkout has no such step",
        "check out the commit the run was made with (`handrail show RUN`), then the same command; "
        "or, where it has another name now, add a line to `ALIASES` of its folder",
    )


def _contract_in(module: object, name: str) -> Contract | None:
    """Return a step's contract, where a module has it.

    An adopted operation is known by the operation's name, whatever it is called here.
    """
    likely = getattr(module, name.rpartition(".")[2], None)
    for found in (likely, *getattr(module, "__dict__", {}).values()):
        contract = getattr(found, "contract", None)
        if isinstance(contract, Contract) and contract.name == name:
            return contract
    return None

"""The clauses of a contract: functions that look, by the step's own argument names."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from handrail.clients.errors import ClientError
from handrail.engine.facts import facts_answer
from handrail.engine.finding import Finding, Verdict, fails, holds
from handrail.engine.signature import SUPPLIED, takes_others

Clause = Callable[..., Any]  # Any: a clause returns what its place in the contract asks for


@dataclass(frozen=True)
class Check:
    """A claim that holds or not, with the command that makes it hold."""

    function: Callable[..., Finding | bool]
    fix: str
    claim: str

    @property
    def __name__(self) -> str:
        """Return the claim's name as its module spells it."""
        return self.function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Finding | bool:  # Any: the check's own
        """Look."""
        return self.function(*args, **kwargs)


def check(*, fix: str) -> Callable[[Callable[..., Finding | bool]], Check]:
    """Declare a claim for use in `requires` and `ensures`; its docstring is the claim."""

    def declare(function: Callable[..., Finding | bool]) -> Check:
        return Check(function, fix, claim_of(function))

    return declare


def ask(clause: Clause, arguments: dict[str, Any]) -> Finding:  # Any: the step's arguments
    """Ask a claim; what cannot be looked at is an error, never "no"."""
    try:
        with facts_answer():
            answer = clause(**chosen(clause, arguments))
    except ClientError as error:
        return Finding(Verdict.ERROR, f"{error.what}: {error.why}", error.fix)
    fix = clause.fix if isinstance(clause, Check) else ""
    if isinstance(answer, Finding):
        return Finding(answer.verdict, answer.why, answer.fix or fix, answer.facts)
    if isinstance(answer, bool):
        return holds() if answer else fails("it does not hold", fix)
    raise TypeError(f"`{clause.__name__}` answered {type(answer).__name__}, not a Finding or bool")


def chosen(clause: Clause, arguments: dict[str, Any]) -> dict[str, Any]:  # Any: as above
    """Return the arguments a clause names; all the others, too, where it takes ``**`` of them."""
    named = {name: arguments[name] for name in parameters(clause)}
    if not _takes_others(clause):
        return named
    others = arguments.keys() - SUPPLIED - {"before"}
    return named | {name: arguments[name] for name in others}


@cache
def parameters(clause: Clause) -> tuple[str, ...]:
    """Return the names a clause takes."""
    found = signature_of(clause).parameters
    return tuple(name for name, each in found.items() if each.kind is not each.VAR_KEYWORD)


@cache
def takes_names(clause: Clause, name: str) -> bool:
    """Tell whether a clause reads names alone, which of a dictionary are its keys."""
    return bool(signature_of(clause).parameters[name].annotation == Iterable[str])


@cache
def _takes_others(clause: Clause) -> bool:
    return takes_others(signature_of(clause))


def signature_of(clause: Clause) -> inspect.Signature:
    """Return what a clause takes."""
    return inspect.signature(clause.function if isinstance(clause, Check) else clause)


def claim_of(function: Callable[..., object]) -> str:
    """Return the first line of a docstring without its full stop, or the name in words."""
    text = inspect.getdoc(function) or function.__name__.replace("_", " ")
    return text.splitlines()[0].rstrip(".")


def claim(clause: Clause) -> str:
    """Return what a clause claims, for the middle of a sentence."""
    return in_sentence(clause.claim if isinstance(clause, Check) else claim_of(clause))


def in_sentence(text: str) -> str:
    """Return a sentence with its first letter small, unless that begins a name like `DNS`."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]

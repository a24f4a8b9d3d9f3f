"""What a step or gate takes: which arguments a call passes, and where the others come from."""

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Any, get_args, get_type_hints

from handrail.engine.names import ledger_name

SUPPLIED = {"task", "run"}  # what body and clauses may name beside the step's own arguments
# What a call in a runbook says beside the step's own arguments.
RESERVED = {"name", "on", "canary", "owner", "stake", "until", "confirm_minutes", "policy"}


class Sentinel:
    """A default that says where an argument comes from when a call leaves it out."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        """Return the name an author writes."""
        return self._name


class FromTarget(Sentinel):
    """A default that is the target's data: of the argument's own name, or of the one it names.

    ``scripts: dict[str, str] = FROM_TARGET["package_scripts"]``; a part of it stands after a dot:
    ``poll_seconds: float = FROM_TARGET["monitor.poll_seconds"]``.
    """

    def __init__(self, place: str = "") -> None:
        super().__init__(f'FROM_TARGET["{place}"]' if place else "FROM_TARGET")
        self.place = place

    def __getitem__(self, place: str) -> "FromTarget":
        """Name the data: what the inventory has under the argument's own name is not taken."""
        return FromTarget(place)


# Any: each stands as the default of an argument of any type, so that a call may leave it out.
FROM_TARGET: Any = FromTarget()  # the inventory's data of that name
FROM_RUN: Any = Sentinel("FROM_RUN")  # `task` and `run`, a gate's `since`, `record`, `samples`


def refuse_reserved(function: Callable[..., object]) -> None:
    """Raise where an argument could not be passed by its name in a runbook.

    Raises:
        TypeError: it has a name that the call itself uses, or no name.
    """
    for name, parameter in inspect.signature(function).parameters.items():
        if name in RESERVED or name.startswith("_"):
            raise TypeError(f"{ledger_name(function)}: `{name}` means something else in a call")
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise TypeError(f"{ledger_name(function)}: `{name}` is not passed by its name")


def signature_without(function: Callable[..., object], supplied: set[str]) -> inspect.Signature:
    """Return what a runbook passes: a signature without the names that the engine supplies."""
    signature = inspect.signature(function)
    own = [each for name, each in signature.parameters.items() if name not in supplied]
    return signature.replace(parameters=own)


def readers_of(body: Callable[..., object]) -> dict[str, Callable[[Any], Any]]:
    """Return, for each argument whose type has one, how it is read from an inventory.

    Raises:
        TypeError: an annotation names something that its module does not know when it is imported.
    """
    try:
        hints = get_type_hints(body, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{ledger_name(body)}: an annotation is not known at run time: {error}; "
            "import it outside `if TYPE_CHECKING`"
        ) from None
    found = {name: _reader(hint) for name, hint in hints.items()}
    return {name: read for name, read in found.items() if read is not None}


def _reader(hint: Any) -> Callable[[Any], Any] | None:  # Any: a type, and what it reads
    """Return how a value of a type is read: by itself, or by what it is annotated with.

    ``Annotated[Mapping[str, str], Sources]`` lets a runbook write a dictionary, and the step read
    it as `Sources`. A type that may be left out, as `Database | None`, is read as the type.
    """
    told = (hint, *getattr(hint, "__metadata__", ()))
    if isinstance(hint, UnionType):
        told += get_args(hint)
    return next((each.from_inventory for each in told if hasattr(each, "from_inventory")), None)


def takes_others(signature: inspect.Signature) -> bool:
    """Tell whether arguments may have names that the signature does not say: ``**words``."""
    return any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())

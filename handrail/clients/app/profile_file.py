"""The file that says what an application looks like, for each of its systems."""

from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from handrail.clients.app.profile import Entry, System
from handrail.clients.errors import ClientError
from handrail.naming import ticked


class Systems(BaseModel):
    """A profile: each system by the name that the runbook calls it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    systems: Annotated[dict[str, System], Field(min_length=1)]


class Profile:
    """A profile that was read from a file, ``inventory/<app>.profile.yaml``."""

    def __init__(self, path: Path, systems: Systems) -> None:
        self.path = path
        self._systems = systems.systems

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Read the file of that path.

        Raises:
            ClientError: it cannot be read, or is no profile; every fault is told at once.
        """
        if isinstance(value, cls):
            return value
        path = Path(str(value))
        fix = f"correct `{path}`; docs/profile.schema.json says what it may hold"
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ClientError(f"profile `{path}` could not be read", _why(error), fix) from None
        try:
            return cls(path, Systems.model_validate(data))
        except ValidationError as error:
            faults = "; ".join(dict.fromkeys(map(_told, error.errors())))
            raise ClientError(f"profile `{path}` was not accepted", faults, fix) from None

    @property
    def names(self) -> list[str]:
        """The systems that it describes."""
        return list(self._systems)

    def system(self, name: str) -> System:
        """Return one system.

        Raises:
            ClientError: the profile has none of that name.
        """
        if name not in self._systems:
            raise ClientError(
                f"system `{name}` was not found",
                f"`{self.path}` describes {ticked(self._systems)}",
                f"correct `system=` in the runbook, or describe it in `{self.path}`",
            )
        return self._systems[name]


def schema() -> dict[str, Any]:  # Any: JSON
    """Return the JSON Schema of a profile."""
    return Systems.model_json_schema()


def _told(error: ErrorDetails) -> str:
    """Return one fault in words; names of models in the path are of no use to a reader."""
    said = {"missing": "is missing", "extra_forbidden": "is not known"}
    words = said.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])
    return f"`{_place(error) or 'the file'}` {words}"


def _place(error: ErrorDetails) -> str:
    known = {each.__name__ for each in Entry.__subclasses__()}
    steps = map(str, error["loc"])
    return ".".join(each for each in steps if each not in known and "[" not in each)


def _why(error: Exception) -> str:
    """Return why a file was not read."""
    match error:
        case OSError():
            return error.strerror or "no such file"
        case UnicodeDecodeError():
            return "not UTF-8"
        case _:
            return " ".join(str(error).split())

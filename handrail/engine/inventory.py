"""The environment an inventory file describes, and whether a run may begin on it."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, get_type_hints

from pyinfra.api.host import Host
from pyinfra.context import host, inventory, state

from handrail.clients.errors import ClientError
from handrail.clients.ledger_address import address_of, key_of
from handrail.clients.secret import is_reference
from handrail.engine.attempt.command import (
    inventory_file,
    is_confirmed,
    is_dry,
    named_environment,
    runbook_file,
    typed_data,
)
from handrail.engine.needs import (
    CONNECTOR_PREFIXES,
    FORWARD,
    OF_THE_INVENTORY,
    faults,
    is_amount,
    read_by,
)
from handrail.engine.signers import Signers, signers_of
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.kept import Kept
from handrail.ledger.lease import SECONDS
from handrail.ledger.location import project_of
from handrail.naming import FIRST, meant, ticked

NAME = re.compile(r"[^\W\d]\w*")
# Options of pyinfra's under which no run begins, and what each would do.
OPTIONS = {
    "--no-wait": "`--no-wait` lets a failed target pass as a success",
    "--serial": "`--serial` takes one target to its end before the next, against the runbook",
}


@dataclass(frozen=True)
class Inventory:
    """Name of the environment, place of its ledger, and the data its runbook needs by group."""

    environment: str
    kept: Kept
    needs: Mapping[str, type] | None
    lease_seconds: float = SECONDS
    keys: frozenset[str] = FORWARD  # of `--data`, that this command's engine reads
    seal: object = None  # who signs, and where a seal is put, as the inventory has it
    approvers: Signers = field(default_factory=dict)  # whose signed approvals count; all, if empty

    @classmethod
    def here(cls, needs: Mapping[str, type] | None, keys: frozenset[str]) -> Self:
        """Read the inventory that pyinfra has loaded.

        Raises:
            RunbookError: it does not say which environment it is.
        """
        name = _environment()
        given = os.environ.get("LEDGER_URL") or host.data.get("ledger") or ""
        file = Path(inventory_file())
        project = project_of(file.absolute().parent if file.is_file() else Path.cwd())
        try:
            address, key = address_of(str(given)), key_of(host.data.get("ledger_key"))
        except ClientError as error:
            raise _not_started(f"{error.what}: {error.why}", error.fix) from None
        kept = replace(Kept.at(address, project, name, key), named=_named(str(given), name))
        seconds, seal = host.data.get("lease_seconds"), host.data.get("seal")
        approvers = signers_of("approvers", host.data.get("approvers"))
        return cls(name, kept, needs, _lease_seconds(seconds), keys, seal, approvers)

    @property
    def ledger(self) -> Path:
        """Return the ledger's file; where a server keeps it, the name its log goes by here."""
        return self.kept.file

    def refuse_unready(self, without: Sequence[str] = ()) -> None:
        """Raise where a run must not begin.

        Args:
            without: Targets that are left out by name.

        Raises:
            RunbookError: with the reason and the next command.
            WrongCommand: a key of `--data` is read by nobody.
        """
        self._refuse_options()
        self._refuse_typed_keys()
        self._refuse_unconnected(without)
        self._refuse_data()

    def _refuse_options(self) -> None:
        for option, why in OPTIONS.items():
            if option in sys.argv:
                raise _not_started(why, "run the same command without it")
        if state.limit_hosts is not None:
            why = "`--limit` and `--exclude` leave targets out, and a run covers its inventory"
            raise _not_started(why, "write an inventory file with the targets you mean")
        if not (is_confirmed() or is_dry() or sys.stdin.isatty()):
            why = "pyinfra asks before it begins, and there is no terminal to answer on"
            raise _not_started(why, "add `-y`, after a look at the same command with `--dry`")

    def _refuse_typed_keys(self) -> None:
        """A key of `--data` that nobody reads is a slip; it must not be taken for nothing said."""
        known = self._known_keys()
        for key, _ in typed_data():
            if key not in known and key in OF_THE_INVENTORY:
                why = f"`{key}` is read from the inventory alone, not from `--data`"
                raise WrongCommand("the run did not start", why, f"write `{key} = …` into it")
            if key not in known and not key.startswith(CONNECTOR_PREFIXES):
                why = f"nobody reads `--data {key}=…`"
                fix = f"{meant(key, known, FIRST)}the engine reads {ticked(sorted(self.keys))}"
                raise WrongCommand("the run did not start", why, fix)

    def _known_keys(self) -> set[str]:
        """Return the keys that the engine, the runbook or the inventory knows."""
        known: set[str] = {*self.keys, *inventory.data, *read_by(Path(runbook_file()))}
        for shape in (self.needs or {}).values():
            known |= get_type_hints(shape).keys()
        for each in inventory:
            known |= each.host_data.keys() | each.group_data.keys()
        return known

    def _refuse_unconnected(self, without: Sequence[str]) -> None:
        lost = {each.name for each in inventory} - {h.name for h in state.activated_hosts}
        if missing := sorted(lost - set(without)):
            raise _not_started(
                f"no connection to {ticked(missing)}",
                "see pyinfra's lines above; when it is reachable, the same command again; or leave "
                f'it out by name: add `--data without={",".join(missing)} --data reason="…"`',
            )

    def _refuse_data(self) -> None:
        if self.needs is None:
            return
        found: dict[str, str] = {}
        for each in inventory:
            shapes = [shape for group, shape in self.needs.items() if group in each.groups]
            found |= dict(faults(each.name, data_of(each), shapes))
        if found:
            raise _not_started("; ".join(found), "; ".join(dict.fromkeys(found.values())))


def _named(given: str, environment: str) -> str:
    """Return where the address of a ledger stands, as `--ledger` takes it; empty where nowhere."""
    named = given if is_reference(given) else ""
    if not named and os.environ.get("LEDGER_URL"):
        named = "env:LEDGER_URL"
    return f"{named}#{environment}" if named.startswith("env:") and "#" not in named else named


def _lease_seconds(given: object) -> float:
    """Return how long a writer may be silent before others count it as gone."""
    if given is None:
        return SECONDS
    if not is_amount(given, least=1):
        raise _not_started(
            f"`lease_seconds` is `{given}`, not a number of seconds from 1 on",
            "correct `lease_seconds` in the inventory, or leave it out",
        )
    return float(given)


def _environment() -> str:
    """Return which environment the loaded inventory is."""
    inventory.override_data.pop("environment", None)  # typed, it names what is there
    name = host.data.get("environment")
    if name is None:
        raise _not_started(
            "the inventory does not say which environment it is",
            'write `environment = "staging"` into the group data of the inventory',
        )
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _not_started(
            f"`{name}` cannot be the name of an environment",
            "use letters, digits and `_`, beginning with a letter: `prod_1`",
        )
    named = named_environment()
    if named not in ("", name):
        raise WrongCommand(
            "the run did not start",
            f"`--data environment={named}`, and this is the inventory of `{name}`",
            f"name the inventory of `{named}`, or correct the environment",
        )
    return name


def _not_started(why: str, fix: str) -> RunbookError:
    return RunbookError("the run did not start", why, fix)


def data_of(target: Host) -> dict[str, Any]:  # Any: what an inventory holds
    """Return all data of a target, its groups' included."""
    return dict(target.data.dict())  # type: ignore[no-untyped-call]  # pyinfra's is untyped


def selected(on: str | None, target: Host) -> bool:
    """Tell whether a call of the runbook is for a target."""
    return on is None or on == target.name or on in target.groups


class InOrder(set[Host]):
    """Targets in the order of the inventory, where pyinfra keeps a set whose order varies."""

    def __iter__(self) -> Iterator[Host]:
        """Yield them as the inventory names them."""
        return iter([each for each in inventory if each in self])


def keep_order() -> None:
    """Let pyinfra take the targets in the order of the inventory, one by one or in batches."""
    state.active_hosts = InOrder(state.active_hosts)

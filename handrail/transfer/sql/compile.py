"""Hold a mapping against two live catalogs and compile it to SQL, or refuse with every reason."""

import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from handrail.transfer.mapping import mapping as mappings
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.mapping.rules import MappingFile, Problem, TableRule
from handrail.transfer.session.asking import Line, enter, together
from handrail.transfer.session.connection import Connection, connect
from handrail.transfer.sql import account
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql import moment as moments
from handrail.transfer.sql.catalog import Catalog
from handrail.transfer.sql.evidence import recorded_catalog
from handrail.transfer.sql.explain import explain
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.secret import read_by
from handrail.transfer.sql.table import TableCompiler


def open_plan(
    mapping: str | Path, source: str, destination: str, *, undecided: bool = False
) -> Plan:
    """Compile a mapping against two live databases; see `opening`."""
    with opening(mapping, source, destination, undecided=undecided) as sides:
        return sides.plan


@dataclass(frozen=True)
class Sides:
    """A plan, and a session on each of its databases, in no transaction."""

    plan: Plan
    source: Connection
    destination: Connection


@contextmanager
def opening(
    mapping: str | Path, source: str, destination: str, *, undecided: bool = False
) -> Iterator[Sides]:
    """Read the mapping and both catalogs, compile, and let the source parse every query.

    The sessions are there for more questions, for as long as the block.

    Args:
        mapping: Path of the mapping file.
        source: URL of the legacy database; only read.
        destination: URL of the new database; only read.
        undecided: Take the mapping though lines of it still say CHECK, to look at its SQL only.

    Raises:
        MappingRefused: anything undecided, undeclared, unknown or contradicting, all of it.
        DatabaseUnreachable: a database did not answer.
    """
    rules = mappings.load(mapping, undecided=undecided)
    with ExitStack() as stack:
        theirs, ours = enter(
            stack,
            partial(connect, destination, name="destination"),
            partial(connect, source, name="source"),
        )
        asked: list[Line[Any]] = [
            recorded_catalog(theirs),
            catalogs.reading(theirs),
            moments.of_loads(theirs),
            catalogs.reading(ours),
        ]
        recorded, live, moment, there = together(asked)
        plan = _opened_before(rules, source, there, recorded or live, moment)
        if plan is None:
            plan = compile(rules, there, recorded or live, moment)
            explain(plan, ours)
            _opened.append(_Opened(rules, source, plan))
        yield Sides(plan, ours, theirs)


@dataclass(frozen=True)
class _Opened:
    """A plan whose queries the source at an address has parsed."""

    rules: MappingFile
    source: str
    plan: Plan

    def is_of(self, rules: MappingFile, source: str, there: Catalog, destination: Catalog) -> bool:
        """Say whether it was made of the same rules, for the same tables."""
        catalogs = self.plan.source, self.plan.destination
        of_both = self.rules is rules and self.source == source
        return of_both and catalogs == (there, destination)


_opened: deque[_Opened] = deque(maxlen=4)


def _opened_before(
    rules: MappingFile,
    source: str,
    there: Catalog,
    destination: Catalog,
    moment: Callable[[str], str],
) -> Plan | None:
    """Return the plan that would come out again: each clause of a step opens it anew."""
    for each in _opened:
        same = each.is_of(rules, source, there, destination)
        if same and each.plan.moment == moment(each.plan.digest):
            return each.plan
    return None


def compile(  # noqa: A001 - the plan's own word
    mapping: MappingFile, source: Catalog, destination: Catalog, moment: Callable[[str], str]
) -> Plan:
    """Compile a mapping against two catalogs.

    Args:
        mapping: The rules.
        source: Catalog of the source.
        destination: Catalog of the destination.
        moment: Tells when the load of a plan began, by the plan's digest.

    Raises:
        MappingRefused: with every problem, each with its line and fix.
    """
    compiler = _Compiler(mapping, source, destination)
    plan = compiler.plan(moment)
    if compiler.problems:
        raise MappingRefused(mapping.file, compiler.problems)
    return plan


class _Compiler:
    """One compilation; `problems` grows, and the plan counts only when it stayed empty."""

    def __init__(self, mapping: MappingFile, source: Catalog, destination: Catalog) -> None:
        self.mapping = mapping
        self.source = source
        self.destination = destination
        self.problems: list[Problem] = []
        self.done: dict[str, TablePlan] = {}
        self.rules = {rule.name: rule for rule in mapping.tables}

    def plan(self, moment: Callable[[str], str]) -> Plan:
        self.problems += account.tables(self.mapping, self.source)
        usable = [rule for rule in self.mapping.tables if self._is_usable(rule)]
        names = frozenset(rule.name for rule in usable)
        digest = self._digest({rule.source for rule in usable}, names)
        began = moment(digest)
        order, cyclic = self._order(usable)
        self._tables(order, names, began)
        return Plan(
            self.mapping.file,
            digest,
            began,
            tuple(self.done.values()),
            tuple(cyclic),
            tuple(itertools.chain.from_iterable(table.notes for table in self.done.values())),
            tuple(account.drops(self.mapping, self.source)),
            self.source,
            self.destination,
        )

    def _tables(self, order: list[TableRule], names: frozenset[str], began: str) -> None:
        """Compile the tables in an order in which every referenced one comes first."""
        for rule in order:
            secrets = read_by(self.mapping.tables, rule.source)
            table = TableCompiler(
                rule, self.source, self.destination, names, self.done, secrets, began
            )
            self.done[rule.name] = table.plan(self._parents(rule))
            self.problems += table.problems

    def _digest(self, sources: Iterable[str], names: Iterable[str]) -> str:
        """Hash what the mapping says, and what its tables look like on both sides."""
        shapes = self._shape(self.source, sources), self._shape(self.destination, names)
        return hashlib.sha256(" ".join([self.mapping.digest, *shapes]).encode()).hexdigest()

    def _shape(self, catalog: Catalog, names: Iterable[str]) -> str:
        tables = [asdict(catalog.by_name[name]) for name in sorted(names)]
        return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()

    def _is_usable(self, rule: TableRule) -> bool:
        if rule.optional and rule.source not in self.source.by_name:
            return False
        found = list(account.both_sides(self.mapping, rule, self.source, self.destination))
        self.problems += found
        return not found

    def _parents(self, rule: TableRule) -> set[str]:
        found = set(self.destination.by_name[rule.name].parents) - {rule.name}
        found |= {lookup.table for lookup in rule.lookups}
        if rule.also:
            found |= self._accounting(rule.source)
        return self.rules.keys() & found

    def _accounting(self, source: str) -> set[str]:
        """Name the tables that account for a source table in full."""
        return {
            rule.name for rule in self.mapping.tables if rule.source == source and not rule.also
        }

    def _refers_to_itself(self, rule: TableRule) -> bool:
        keys = self.destination.by_name[rule.name].foreign_keys
        own = (key for key in keys if key.target == rule.name)
        return any(not rule.by_name.keys().isdisjoint(key.columns) for key in own)

    def _order(self, rules: list[TableRule]) -> tuple[list[TableRule], list[str]]:
        """Put referenced tables first; break a cycle at the first table of the file."""
        # rows of a later chunk may be referred to by an earlier one
        cyclic = [rule.name for rule in rules if self._refers_to_itself(rule)]
        order, broken = _parents_first({rule.name: self._parents(rule) for rule in rules})
        return [self.rules[name] for name in order], cyclic + broken


def _parents_first(waiting: dict[str, set[str]]) -> tuple[list[str], list[str]]:
    """Put names behind those they wait for; return the order, and where a circle was broken."""
    order: list[str] = []
    broken: list[str] = []
    while waiting:
        free = [name for name, parents in waiting.items() if parents.isdisjoint(waiting)]
        if not free:
            free = [next(iter(waiting))]
            broken += free
        order += free
        waiting = {name: waiting[name] for name in waiting if name not in free}
    return order, broken

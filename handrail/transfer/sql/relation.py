"""The FROM item of a source table: its rows, with what is parsed and joined for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.guard import MARK, Guard
from handrail.transfer.sql.parsed import Join, Parsed


@dataclass(frozen=True)
class Relation:
    """What can stand beside the rows of a source table; `rows` is the FROM item of these alone."""

    rows: str
    parsed: tuple[Parsed, ...]
    joins: tuple[Join, ...]
    guard: Guard | None

    def sql(self, where: str, needs: frozenset[str] | None) -> str:
        """Return the FROM item of the rows under `where`, as `s`.

        Where it is known what is needed of it, nothing else is parsed or joined.
        """
        joins, parsed = (self.joins, self.parsed) if needs is None else self._needed(needs)
        late = [item for item in parsed if item.by_hand]
        rows = self._plain(parsed, where)
        if self.guard is not None and late:
            rows = self._guarded(self.guard, parsed, late, where)
        return _joined(rows, joins)

    def _guarded(
        self, guard: Guard, parsed: Sequence[Parsed], late: Sequence[Parsed], where: str
    ) -> str:
        """Return the rows, with values that a person wrote where the guard lets them through."""
        ahead, read = self._needed(guard.needs)
        wanted = {*parsed, *read}.difference(late)
        plain = [item for item in self.parsed if item in wanted]
        if not guard.needs:  # in one level: each further one takes its time
            given = _late(late, guard.condition)
            return self._plain(plain, where, [f'({guard.condition}) as "row:in"', *given])
        rows = _joined(self._plain(plain, where), ahead)
        marked = f'(select s.*, {guard.condition} as "row:in" from {rows} offset 0) s'
        return f"(select s.*, {', '.join(_late(late, MARK))} from {marked} offset 0) s"

    def _plain(self, parsed: Sequence[Parsed], where: str, more: Sequence[str] = ()) -> str:
        """Return the rows with what is parsed of each by itself."""
        columns = ["s.*", 's.ctid as "row:place"', *(item.value for item in parsed), *more]
        texts = "".join(item.join(self.rows) for item in parsed)
        # `offset 0` makes PostgreSQL compute each value once, not once for each mention
        fence = " offset 0" if parsed or more else ""
        return f"(select {', '.join(columns)} from {self.rows} s{texts} where {where}{fence}) s"

    def _needed(self, needs: frozenset[str]) -> tuple[list[Join], list[Parsed]]:
        """Return the joins and values of these names, and those that a join itself needs."""
        joins: list[Join] = []
        for join in reversed(self.joins):
            if join.name in needs:
                joins.insert(0, join)
                needs |= join.needs
        return joins, [item for item in self.parsed if item.name in needs]


def _late(items: Sequence[Parsed], condition: str) -> list[str]:
    """Return values that are computed only where a condition holds."""
    return [f"case when {condition} then {item.sql} end as {quoted(item.name)}" for item in items]


def _joined(rows: str, joins: Sequence[Join]) -> str:
    return " ".join([rows, *(join.sql for join in joins)])

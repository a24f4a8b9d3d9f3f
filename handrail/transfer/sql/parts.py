"""What the plan of a table consists of: its columns, and what may be wrong with its rows."""

from dataclasses import dataclass

from handrail.transfer.mapping.rules import Action, ColumnRule, Fault, Place
from handrail.transfer.session.quoting import quoted

RECORDED = (
    Action.TRUNCATE, Action.SHORTEN, Action.PLACEHOLDER, Action.SENTINEL, Action.NULL, Action.TRIM,
    Action.KEEP, Action.ROUND,
)  # fmt: skip


@dataclass(frozen=True)
class ColumnPlan:
    """One destination column: `sql` gives its value from the source row, cast to `type`.

    `as_text` says that its type has no hash, so that both sides compare it as text; `binary` that
    COPY may write its values so. `needs` names the joins and parsed values that it reads. What is
    `secret` is shown nowhere. `sources` are all the source columns that it is made of.
    """

    name: str
    type: str
    sql: str
    rule: ColumnRule
    source: str | None
    source_type: str | None
    as_text: bool
    exact: bool
    needs: frozenset[str] = frozenset()
    binary: bool = True
    sources: tuple[str, ...] = ()
    secret: bool = False

    @property
    def may_fail(self) -> bool:
        """Say whether its expression may raise; what no condition reads has to be asked for."""
        rule = self.rule
        by_rule = rule.sql or rule.zone or rule.placeholder or rule.lookup
        return bool(by_rule or self.source_type == "json")

    @property
    def is_copied(self) -> bool:
        """Say whether it holds what its source column holds, whatever that is."""
        return self.exact and not self.rule.when

    @property
    def is_same(self) -> bool:
        """Say whether it is, beyond that, NULL where its source column is."""
        return self.is_copied and self.rule.default is None

    @property
    def raw(self) -> str:
        """Read its source column, as it is there."""
        return f"s.{quoted(self.source or '')}"

    @property
    def target(self) -> str:
        """Read the same value on the destination."""
        return quoted(self.name)

    def read(self, *, source: bool) -> str:
        """Return its value on either side, as both sides compare it."""
        value = self.sql if source else self.target
        return f"({value})::text" if self.as_text else value


@dataclass(frozen=True)
class FaultPlan:
    """One thing that may be wrong with rows of a table, and what is done then.

    `needs` names the joins and parsed values that its expressions read.
    """

    column: str
    fault: Fault
    condition: str
    action: Action
    reason: str
    place: Place
    old: str = "null::text"
    new: str = "null::text"
    needs: frozenset[str] = frozenset()

    @property
    def keeps_out(self) -> bool:
        """Say whether the rows are not moved."""
        return self.action is Action.QUARANTINE

    @property
    def is_recorded(self) -> bool:
        """Say whether the rows are moved, and the change of each is written down."""
        return self.action in RECORDED


@dataclass(frozen=True)
class DropPlan:
    """A source table, or one `column` of it, that is left behind; `rows` is its FROM item."""

    table: str
    column: str | None
    rows: str
    place: Place
    reason: str

    @property
    def counted(self) -> str:
        """Return an expression: how many rows, or values of the column, are left behind."""
        return f"count({quoted(self.column) if self.column else '*'})"

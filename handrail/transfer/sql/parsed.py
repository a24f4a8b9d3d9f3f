"""What stands beside a source row: values computed once, whatever mentions them, and other rows."""

from dataclasses import dataclass

from handrail.transfer.session.quoting import quoted

# Texts that a table is searched for: of so many percent of its pages, at most so many. Those that
# many rows hold are among them; whatever is not is read where it stands.
SAMPLED_PERCENT = 1
MOST_TEXTS = 2000


@dataclass(frozen=True)
class Join:
    """A LEFT JOIN of `rows`, with at most one whose `k` is the value: `alias` reads it.

    `needs` names the joins and parsed values that the value reads.
    """

    name: str
    rows: str
    value: str
    needs: frozenset[str] = frozenset()

    @property
    def alias(self) -> str:
        """Name the row that is joined, or NULLs."""
        return quoted(self.name)

    @property
    def sql(self) -> str:
        """Return the join."""
        return f"left join ({self.rows}) {self.alias} on {self.alias}.k = {self.value}"


@dataclass(frozen=True)
class Parsed:
    """A value that is computed once, whatever mentions it: `s.name` reads it.

    Once per row; or, with `text`, an expression of the source, mostly once for all rows that hold
    the same text: `sql` then reads `d.text`. Few texts stand for many dates, and reading one takes
    longer than finding it. What a person wrote `by_hand` may fail on a row.
    """

    name: str
    sql: str
    text: str | None = None
    by_hand: bool = False

    @property
    def value(self) -> str:
        """Return the item of the SELECT list that gives the value its name."""
        if self.text is None:
            return f"{self.sql} as {quoted(self.name)}"
        alone = f"select ({self.text})::text as text offset 0"
        return (
            f"case when {self._seen}.text is not null then {self._seen}.value "
            f"else (select {self.sql} from ({alone}) d) end as {quoted(self.name)}"
        )

    def join(self, table: str) -> str:
        """Return the join with the texts a sample of the table holds, each read once."""
        if self.text is None:
            return ""
        # `collate "C"`: under others, different texts may be equal
        text = f'({self.text})::text collate "C"'
        texts = (
            f"select distinct {text} as text from {table} s "
            f"tablesample system ({SAMPLED_PERCENT}) limit {MOST_TEXTS}"
        )
        return (
            f" left join (select d.text, {self.sql} as value from ({texts}) d offset 0) "
            f"{self._seen} on {self._seen}.text = {text}"
        )

    @property
    def _seen(self) -> str:
        return quoted(f"seen:{self.name}")

"""Values of a source row that are computed once, whatever mentions them."""

from dataclasses import dataclass

from operations.transfer.quoting import quoted


@dataclass(frozen=True)
class Parsed:
    """A value that is computed once, whatever mentions it: `s.name` reads it.

    Once per row; or, with `text`, an expression of the source, about once per distinct text:
    `sql` then reads `d.text`. Few texts stand for many dates, and reading one takes its time.
    """

    name: str
    sql: str
    text: str | None = None

    @property
    def value(self) -> str:
        """Return the item of the SELECT list that gives the value its name."""
        sql = self.sql if self.text is None else f"{quoted(f'texts:{self.name}')}.value"
        return f"{sql} as {quoted(self.name)}"

    @property
    def join(self) -> str:
        """Return the join that PostgreSQL (14 and later) answers from its cache of texts seen.

        The inner `offset 0` makes the text itself the one key of that cache.
        """
        if self.text is None:
            return ""
        text = f"select ({self.text})::text as text offset 0"
        return (
            f" left join lateral (select {self.sql} as value from ({text}) d offset 0) "
            f"{quoted(f'texts:{self.name}')} on true"
        )

"""What a table is cut in chunks by."""

from dataclasses import dataclass

from handrail.transfer.session.quoting import literal

TEXTS = {"text", "character varying"}


@dataclass(frozen=True)
class Cut:
    """The column whose ranges a table is moved by, copied unchanged from the source.

    It is the first of the primary key, and of a type whose order two servers agree on; texts are
    held in the order of their bytes, which no index serves.
    """

    name: str
    source: str
    type: str

    @property
    def is_text(self) -> bool:
        """Say whether its order has to be asked for."""
        return self.type in TEXTS

    def ordered(self, column: str) -> str:
        """Return a column as it is compared."""
        return f'{column} collate "C"' if self.is_text else column

    def span(self, column: str, lower: str | None, upper: str | None) -> str:
        """Return the condition of the rows in `[lower, upper)`, open where None."""
        parts = [("<", upper), (">=", lower)]
        bounds = [
            f"{self.ordered(column)} {sign} {literal(bound)}::{self.type}"
            for sign, bound in parts
            if bound is not None
        ]
        return " and ".join(bounds) or "true"

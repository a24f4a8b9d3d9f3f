"""What a look at the rows finds."""

from collections.abc import Sequence
from dataclasses import dataclass

from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan

SAMPLES = 5
SHOWN = 120  # characters of a value


@dataclass(frozen=True)
class Misfit:
    """Rows of one table with one fault; `keys` are the first few of them, `values` what they hold.

    `verdict` is `refused`, `quarantined`, `adjusted` or `noted`; only the first stops a load.
    `texts` are the most frequent source texts, each with the number of its rows.
    """

    table: str
    column: str
    what: str
    verdict: str
    rows: int
    keys: tuple[str, ...]
    place: str
    values: tuple[str, ...] = ()
    texts: tuple[tuple[str, int], ...] = ()

    @property
    def subject(self) -> str:
        """Name the column with its table; the table alone where it is about all of it."""
        return f"{self.table}.{self.column}" if self.column else self.table

    @property
    def examples(self) -> str:
        """Name the first rows, each with its value where it may be shown."""
        if not self.values:
            return ", ".join(self.keys)
        pairs = zip(self.keys, self.values, strict=True)
        return ", ".join(f"{key} (`{value}`)" for key, value in pairs)

    @property
    def told(self) -> str:
        """Say it on one line."""
        where = f", as {self.examples}" if self.keys else ""
        rows = f", {self.rows} rows{where}" if self.rows else ""
        return f"{self.place}: `{self.subject}`: {self.what}{rows}"


def sampled(found: str, shown: str = "shown") -> str:
    """Return a SELECT of how many rows are found, the keys of the first, and what these show.

    Args:
        found: SELECT of `key`, and of what `shown` reads.
        shown: Expression of a text.
    """
    return (
        f"with found as materialized ({found}) select count(*), "
        f"array(select key from found limit {SAMPLES}), "
        f"array(select {shown} from found limit {SAMPLES}) from found"
    )


def found_in(
    table: TablePlan,
    column: ColumnPlan,
    what: str,
    verdict: str,
    row: tuple[int, Sequence[str], Sequence[str]],
) -> list[Misfit]:
    """Return what `sampled` has found of a column; nothing where that is no row."""
    number, keys, texts = row
    shown, place = () if column.secret else tuple(texts), str(column.rule.place)
    found = Misfit(table.name, column.name, what, verdict, number, tuple(keys), place, shown)
    return [found] if number else []

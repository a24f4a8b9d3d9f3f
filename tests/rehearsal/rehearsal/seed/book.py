"""What the builders of the seed share: how many rows, which ids, whose values."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rehearsal.seed.draw import Draw

Row = tuple[object, ...]


@dataclass
class Book:
    """The state of one filling: counts by table, and the ids given out so far."""

    counts: dict[str, int]
    filehost: str
    ids: dict[str, list[int]] = field(default_factory=dict)

    def draw(self, table: str) -> Draw:
        """Return the stream of choices of a table."""
        return Draw(table, self.counts[table], self.filehost)

    def number(self, table: str, draw: Draw) -> Iterator[tuple[int, int]]:
        """Yield the rows of a table as (position, id), with gaps where rows were once deleted."""
        identity = 0
        given = self.ids.setdefault(table, [])
        for row in range(self.counts[table]):
            identity += 1 if draw.chance(0.9) else draw.number(2, 5)
            given.append(identity)
            yield row, identity

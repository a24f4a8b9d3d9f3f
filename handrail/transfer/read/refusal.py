"""What the destination said to rows that it did not take."""

from collections.abc import Collection
from dataclasses import dataclass

from handrail.transfer.read.bonds import Bond
from handrail.transfer.read.misfits import SAMPLES

MOST_REFUSED = 10_000  # rows that are tried one by one take long when all of them fail
NULLED = "23502"  # not_null_violation
SAID = {
    NULLED: "is NULL, and the destination wants a value",
    "23505": "would be there twice under `{bond}`",
    "23514": "violates `{bond}`",
    "23P01": "clashes with another row under `{bond}`",
}
# Rows that were refused by why; `{refused}` is the table of them.
GROUPS = (
    "select state, said, bond, kind, at, count(*), (array_agg(number order by number))"
    f"[1:{SAMPLES}] from {{refused}} group by 1, 2, 3, 4, 5 order by 6 desc, 1, 2"
)


@dataclass(frozen=True)
class Refusal:
    """Rows that were refused for one reason: `numbers` are the first, `at` the column if it is one.

    `bond` and `kind` name the constraint and the type, where the server named one.
    """

    state: str
    said: str
    bond: str
    kind: str
    at: str
    rows: int
    numbers: list[int]

    def is_inside(self, mapped: Collection[str]) -> bool:
        """Say whether a mapped value is NULL itself, or in it is one."""
        return self.state == NULLED and self.at in mapped

    def what(self, bond: Bond | None, *, inside: bool, secret: bool) -> str:
        """Say it in words; what the server said may quote a value."""
        what = f"is refused: {'its values are secret' if secret else self.said}"
        if (bond or self.at) and self.state in SAID and not inside:
            what = SAID[self.state].format(bond=self.bond)
        if bond and bond.kind == "c":
            what += f": {bond.definition}"
        return what + (" (no further rows were looked at)" if self.rows == MOST_REFUSED else "")

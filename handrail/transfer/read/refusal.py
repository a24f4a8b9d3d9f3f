"""What the destination said to rows that it did not take."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from handrail.transfer.read.bonds import Bond
from handrail.transfer.read.misfits import SAMPLES
from handrail.transfer.read.stage import NUMBER, REFUSED, STAGED
from handrail.transfer.session.quoting import block, literal

MOST_REFUSED = 10_000  # rows that are tried one by one take long when all of them fail
NULLED = "23502"  # not_null_violation
SAID = {
    NULLED: "is NULL, and the destination wants a value",
    "23505": "would be there twice under `{bond}`",
    "23514": "violates `{bond}`",
    "23P01": "clashes with another row under `{bond}`",
}
ONE_BY_ONE = """
declare
    low bigint := 1; high bigint; last bigint; failed bigint := 0; place int; typed text;
    state text; said text; bond text; kind text; at text;
    names text[] := {names}::text[]; types text[] := {types}::text[];
begin
    select max({number}) into last from {staged};
    while low <= last and failed < {most} loop
        high := low + 499;
        begin
            {insert} where s.{number} between low and high;
        exception when others then
            for one in low..least(high, last) loop
                begin
                    {insert} where s.{number} = one;
                exception when others then
                    get stacked diagnostics state = returned_sqlstate, said = message_text,
                        bond = constraint_name, kind = pg_datatype_name, at = column_name;
                    for place in 1..cardinality(names) loop
                        exit when at <> '';
                        begin
                            execute format('select (s.%I)::text::%s from {staged} s where '
                                's.{number} = %s', names[place], types[place], one) into typed;
                        exception when others then
                            at := names[place];
                        end;
                    end loop;
                    insert into {refused} values (one, state, said, bond, kind, at);
                    failed := failed + 1;
                end;
            end loop;
        end;
        low := high + 1;
    end loop;
end
"""
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
        if self._is_known(bond) and not inside:
            what = SAID[self.state].format(bond=self.bond)
        if bond and bond.kind == "c":
            what += f": {bond.definition}"
        return what + " (no further rows were looked at)" * (self.rows == MOST_REFUSED)

    def _is_known(self, bond: Bond | None) -> bool:
        """Say whether there are own words for it, and it is known what it is about."""
        return self.state in SAID and bool(bond or self.at)


def one_by_one(typed: Mapping[str, str], insert: str) -> str:
    """Return a statement that tries rows in blocks, where one fails each alone, and notes why.

    Args:
        typed: Columns whose type may refuse a value, with that type.
        insert: Statement that tries rows; a condition on `s` may follow it.
    """
    tried = ONE_BY_ONE.format(
        names=_array(typed.keys()),
        types=_array(typed.values()),
        number=NUMBER,
        staged=STAGED,
        refused=REFUSED,
        insert=insert,
        most=MOST_REFUSED,
    )
    return block(tried)


def _array(texts: Iterable[str]) -> str:
    return "array[" + ", ".join(map(literal, texts)) + "]"

"""What an audit of a ledger found, as it is printed."""

from collections.abc import Iterator

from handrail.ledger.audit import LIMITS, Audit
from handrail.ledger.links import Remark
from handrail.ledger.views import plain


def as_text(found: Audit) -> list[str]:
    """Return what an audit found, the head to publish, and what it cannot find."""
    counted = ((found.entries, "entry"), (found.runs, "run"), (found.attempts, "attempt"))
    counts = ", ".join(plain.count(number, noun) for number, noun in counted)
    lines = [f"Ledger {found.ledger} of {found.environment}: {counts}.", *_against(found)]
    if found.good:
        lines.append("No problem was found.")
    else:
        count = plain.count(len(found.problems), "problem")
        lines.append(f"{count}; the ledger is not trusted:")
    lines += remarks(found.problems)
    if found.warnings:
        lines += ["To look at:", *remarks(found.warnings)]
    if found.head:
        lines += [f"Head, of entry {found.newest}, to keep elsewhere:", f"    {found.head}"]
    return [*lines, LIMITS]


def _against(found: Audit) -> Iterator[str]:
    """Yield what of outside it was held against."""
    if found.published:
        yield f"{found.published[:1].upper()}{found.published[1:]}."
    if found.seals:
        yield f"Held against {plain.count(found.seals, 'seal')} of it."


def remarks(found: list[Remark]) -> list[str]:
    """Return remarks, each with the entry it is about."""
    rows = [(f"entry {each.seq}" if each.seq else "ledger", each.what) for each in found]
    return plain.columns(rows, indent=4)

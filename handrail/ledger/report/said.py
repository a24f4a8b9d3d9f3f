"""What people decided, approved and confirmed of a run, read from its entries."""

from collections.abc import Iterable, Iterator

from handrail.ledger.entry import Entry, Event
from handrail.ledger.report.model import Said
from handrail.naming import phrase

PEOPLE = {
    Event.APPROVAL_GIVEN: "approval given",
    Event.APPROVAL_WITHDRAWN: "approval withdrawn",
    Event.PERSON_CONFIRMED: "confirmed",
}


def overrides(own: Iterable[Entry]) -> Iterator[Said]:
    """Yield what somebody decided against the plan: each with its reason."""
    for entry in own:
        for what, about in _decided(entry):
            yield Said(entry.at, entry.actor, what, about, entry.reason)


def _decided(entry: Entry) -> Iterator[tuple[str, str]]:
    attempt = f"attempt {entry.attempt}"
    if entry.event is Event.LOCK_TAKEN_OVER:
        yield "takeover of the ledger's lease", attempt
    for name in entry.body.get("overrides", []):
        yield f"override {name}", attempt
    for target in entry.body.get("without", []):
        yield f"without {target}", attempt
    if consent := entry.body.get("consent"):
        yield str(consent), f"{entry.task} on {entry.target}"


def people(own: Iterable[Entry]) -> Iterator[Said]:
    """Yield what was said beside the run: approvals, and that a task a person does is done."""
    for entry in own:
        if entry.event in PEOPLE:
            body = entry.body
            what = f"{PEOPLE[entry.event]}{phrase(', as {}', body.get('role'))}"
            what += ", signed" if body.get("signature") else ""
            about = f"{entry.task}{phrase(' on {}', entry.target)}"
            reason = entry.reason or str(body.get("with", ""))
            yield Said(entry.at, entry.actor, what, about, reason)

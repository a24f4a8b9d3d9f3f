"""Sealing where an attempt ends, as the inventory says: who signs, and where the seal is put."""

from collections.abc import Iterator
from functools import partial

from handrail.clients import ssh_signature
from handrail.clients.errors import ClientError
from handrail.engine.attempt.attempt import Attempt
from handrail.ledger.errors import RunbookError
from handrail.ledger.seal import NAMESPACE, seal_head
from handrail.ledger.seam import Ledger, NoLedger


def seal_as_configured(attempt: Attempt) -> Iterator[str]:
    """Seal the head where the inventory has ``seal = {"key": …, "to": […]}``; yield what to tell.

    What cannot be sealed is told, and changes nothing about how the run ended.
    """
    if isinstance(attempt.ledger, NoLedger):
        return
    match attempt.inventory.seal:
        case None:
            return
        case {"key": key, "to": [*places]} if key:
            yield from _sealed(attempt, attempt.ledger, str(key), [*map(str, places)])
        case _:
            yield 'not sealed: in the inventory, write `seal = {"key": "FILE", "to": ["FOLDER"]}`'


def _sealed(attempt: Attempt, ledger: Ledger, key: str, places: list[str]) -> Iterator[str]:
    """Seal the head, and yield where, or why not."""
    # Here: what speaks HTTP takes long to import, and most runs seal nothing.
    from handrail.clients.outside_copies import Places  # noqa: PLC0415

    sign = partial(ssh_signature.sign, key=key, namespace=NAMESPACE)
    outside = Places(places)
    try:
        put = seal_head(ledger, attempt.run, attempt.choices.operator, sign, outside.put)
    except (ClientError, RunbookError) as error:
        yield from _refused(error)
        return
    yield from (f"sealed in {each}" for each in put)
    for refusal in outside.refusals:
        yield from _refused(refusal)


def _refused(error: ClientError | RunbookError) -> Iterator[str]:
    yield f"not sealed: {error.what}: {error.why}"
    yield f"next: {error.fix}, then `handrail seal`"

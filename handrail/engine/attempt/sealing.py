"""Sealing where an attempt ends, as the inventory says: who signs, and where the seal is put."""

from collections.abc import Iterator, Mapping
from functools import partial

from handrail.clients import ssh_signature
from handrail.clients.errors import ClientError
from handrail.engine.attempt.attempt import Attempt
from handrail.ledger.errors import RunbookError
from handrail.ledger.seal import NAMESPACE, seal_head
from handrail.ledger.seam import NoLedger


def seal_as_configured(attempt: Attempt) -> Iterator[str]:
    """Seal the head where the inventory has ``seal = {"key": …, "to": […]}``; yield what to tell.

    What cannot be sealed is told, and changes nothing about how the run ended.
    """
    said = attempt.inventory.seal
    if said is None or isinstance(attempt.ledger, NoLedger):
        return
    key, places = (said.get("key"), said.get("to")) if isinstance(said, Mapping) else ("", "")
    if not key or not isinstance(places, list | tuple):
        yield 'not sealed: in the inventory, write `seal = {"key": "FILE", "to": ["FOLDER"]}`'
        return
    # Here: what speaks HTTP takes long to import, and most runs seal nothing.
    from handrail.clients.outside_copies import Places  # noqa: PLC0415

    sign = partial(ssh_signature.sign, key=str(key), namespace=NAMESPACE)
    outside = Places([str(each) for each in places])
    try:
        put = seal_head(attempt.ledger, attempt.run, attempt.choices.operator, sign, outside.put)
    except (ClientError, RunbookError) as error:
        yield from _refused(error)
        return
    yield from (f"sealed in {each}" for each in put)
    for refusal in outside.refusals:
        yield from _refused(refusal)


def _refused(error: ClientError | RunbookError) -> Iterator[str]:
    yield f"not sealed: {error.what}: {error.why}"
    yield f"next: {error.fix}, then `handrail seal`"

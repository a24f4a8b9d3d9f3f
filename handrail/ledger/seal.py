"""A seal: a ledger's head and what a run came to, as an in-toto statement that somebody signs.

The envelope is DSSE's. What it says is checked against a ledger by `handrail verify --seal`.

Sources: https://in-toto.io/Statement/v1, https://github.com/secure-systems-lab/dsse
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from handrail.ledger.entry import Event, canonical, now, timestamp
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Run
from handrail.ledger.seam import Fact, Ledger

NAMESPACE = "handrail-seal"  # of its signature, so that it is good for nothing else
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:handrail:run:1"
PAYLOAD = "application/vnd.in-toto+json"
JSON = dict[str, Any]  # Any: JSON


def statement(ledger: Ledger, run: Run | None) -> JSON:
    """Return what is sealed: the newest entry of a ledger, and where a run stands.

    Raises:
        LedgerDamaged: what has to be read of the ledger is not what was written.
    """
    head = ledger.trusted_head()
    said: JSON = {
        "environment": ledger.environment,
        "entry": head.seq,
        "sha256": head.sha256,
        "sealed_at": timestamp(now()),
    }
    if run is not None:
        tasks = [
            {"task": task, "target": target, "step": each.declared.step, "state": each.state}
            for (task, target), each in run.tasks.items()
        ]
        said["run"] = {
            "id": run.id,
            "runbook": run.runbook,
            "outcome": run.outcome,
            "plan": run.plan,
            "undoes": run.undoes or None,
            "tasks": tasks,
        }
    name = f"{ledger.environment}/{run.id}" if run is not None else ledger.environment
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": head.sha256}}],
        "predicateType": PREDICATE,
        "predicate": said,
    }


def to_sign(payload: str) -> str:
    """Return the text that is signed: DSSE's encoding of a payload and its type."""
    size = len(payload.encode())
    return f"DSSEv1 {len(PAYLOAD)} {PAYLOAD} {size} {payload}"


def enveloped(payload: str, signature: str) -> JSON:
    """Return a payload with its signature, as it is put outside."""
    coded = [base64.b64encode(text.encode()).decode() for text in (payload, signature)]
    signatures = [{"keyid": "", "sig": coded[1]}]
    return {"payloadType": PAYLOAD, "payload": coded[0], "signatures": signatures}


def seal_head(
    ledger: Ledger,
    run: Run | None,
    actor: str,
    sign: Callable[[str], str],
    put: Callable[[JSON, str], list[str]],
) -> list[str]:
    """Sign the newest entry, put the seal outside, and record where beside the run.

    Args:
        ledger: The ledger.
        run: What the seal tells of, too; None for the head alone.
        actor: Who seals.
        sign: Returns the signature of a text.
        put: Puts a seal outside under a name, and says where it is then.

    Returns:
        Where the seal is now; empty where no place took it, and then nothing is recorded.

    Raises:
        LedgerDamaged: the ledger is not to be trusted.
        LedgerUnwritable: it does not take that it was sealed.
    """
    said = statement(ledger, run)
    payload, found = canonical(said), said["predicate"]
    envelope = enveloped(payload, sign(to_sign(payload)))
    name = f"{found['environment']}-{found['entry']:08}-{found['sha256'][:12]}.json"
    where = put(envelope, name)
    if where:
        body = {"entry": found["entry"], "sha256": found["sha256"], "to": where}
        about = (run.id, run.attempts) if run else ("", 0)
        ledger.append_beside([Fact(Event.HEAD_SEALED, *about, actor, body=body)])
    return where


@dataclass(frozen=True)
class Seal:
    """What a seal says of a ledger, and its signature.

    Args:
        name: Where it was read, for people.
        environment: Whose ledger was sealed.
        seq: Number of the entry that was the newest.
        sha256: Its digest, hex.
        sealed_at: When, RFC 3339 in UTC, by the clock of who sealed it.
        signed: The text that is signed.
        signature: By an SSH key, armoured.
    """

    name: str
    environment: str
    seq: int
    sha256: str
    sealed_at: str
    signed: str
    signature: str

    @classmethod
    def read(cls, text: str, name: str) -> Self:
        """Read an envelope.

        Raises:
            RunbookError: it is none.
        """
        try:
            envelope = json.loads(text)
            payload, signature = (
                base64.b64decode(coded, validate=True).decode()
                for coded in (envelope["payload"], envelope["signatures"][0]["sig"])
            )
            said = json.loads(payload)["predicate"]
            found = (str(said["environment"]), int(said["entry"]), str(said["sha256"]))
            return cls(name, *found, str(said["sealed_at"]), to_sign(payload), signature)
        except (binascii.Error, AttributeError, KeyError, IndexError, TypeError, ValueError):
            raise RunbookError(
                "the ledger was not verified",
                f"`{name}` is no seal of a ledger",
                "name the file that `handrail seal` wrote, or a folder of them",
            ) from None

    def against(self, environment: str, newest: int, there: str) -> Iterator[str]:
        """Yield where a ledger is not the one that was sealed.

        Args:
            environment: Whose ledger it is.
            newest: Number of its newest entry.
            there: Digest of the entry that was sealed; empty where there is none.
        """
        whose = f"the seal `{self.name}`, of {self.sealed_at[:19]}Z,"
        if self.environment != environment:
            yield f"{whose} is of `{self.environment}`"
        if self.seq > newest:
            yield (
                f"{whose} knows {self.seq} entries, and {newest} are here: the newest were cut "
                "off, or an older copy was put back"
            )
        elif there and there != self.sha256:
            yield f"entry {self.seq} is not the one that {whose} knows: the ledger was rewritten"

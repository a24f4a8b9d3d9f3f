"""Snapshots on their way into the ledger and back; secrets and bulk lie in the vault."""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any

from handrail.clients.secret import Secret
from handrail.ledger.entry import canonical, plain, storable
from handrail.ledger.errors import PreconditionUnmet
from handrail.ledger.secrets import Vault

DEEPEST = 100  # levels of lists and dictionaries
HOLDERS = (Mapping, list, tuple, set, frozenset)
BULK_BYTES = 65_536  # what is larger is kept beside the ledger: every command reads all entries


def seal(value: Any, vault: Vault) -> Any:
    """Return a snapshot as it is recorded: each secret in it kept sealed and named.

    Raises:
        PreconditionUnmet: it would not come back from the ledger as it is.
    """
    refuse_lossy(value)
    return _recorded(value, vault.seal)


def refuse_lossy(value: Any) -> None:
    """Raise where a snapshot would not survive its own recording: what comes back must be the same.

    Raises:
        PreconditionUnmet: with what in it is no plain data.
    """
    lost = f"it is nested more than {DEEPEST} deep" if _is_too_deep(value) else _lost(value, "it")
    if lost:
        raise PreconditionUnmet(
            "nothing was done",
            f"what `captures` reads would not come back from the ledger as it is: {lost}",
            "correct the step: capture text, whole numbers up to 2**53, true, false, None, lists "
            "and dictionaries with text keys; a `Secret` for secrets, base64 for bytes",
        )


def same(value: Any, recorded: Any, vault: Vault) -> bool:
    """Tell whether a snapshot reads as one on record; nothing is kept of it."""
    return bool(_recorded(value, vault.digest) == recorded)


def trace(value: Any, vault: Vault) -> str:
    """Return a digest of a snapshot: enough to tell later whether it still reads the same."""
    return trace_of(_recorded(value, vault.digest))


def trace_of(recorded: Any) -> str:
    """Return the digest of a snapshot on record."""
    return hashlib.sha256(canonical(recorded).encode(errors="surrogatepass")).hexdigest()


def without(value: Any, names: Collection[str]) -> Any:
    """Return a snapshot without the entries of these names, at any depth."""
    if isinstance(value, Mapping):
        return {key: without(each, names) for key, each in value.items() if key not in names}
    return [without(each, names) for each in value] if isinstance(value, list | tuple) else value


def unseal(value: Any, vault: Vault) -> Any:
    """Return a snapshot as it was captured."""
    if isinstance(value, Mapping):
        if set(value) == {"sealed"}:
            return Secret.of(vault.unseal(value["sealed"]))
        if set(value) == {"kept", "size_bytes"}:
            return unseal(json.loads(vault.unseal(value["kept"])), vault)
        return {key: unseal(each, vault) for key, each in value.items()}
    if isinstance(value, list):
        return [unseal(each, vault) for each in value]
    return value


def _recorded(value: Any, name: Callable[[str], str]) -> Any:
    """Return a snapshot as plain data; `name` keeps a text, or only says how it is called."""
    plain = _rebuilt(value, partial(_sealed, name=name))
    text = canonical(plain)
    if len(text) <= BULK_BYTES:
        return plain
    return {"kept": name(text), "size_bytes": len(text.encode(errors="surrogatepass"))}


def _rebuilt(value: Any, leaf: Callable[[Any], Any], lists: Any = (list, tuple)) -> Any:
    """Return a value with other leaves: its dictionaries with text keys, its lists as lists."""
    if isinstance(value, Mapping):
        return {storable(str(key)): _rebuilt(each, leaf, lists) for key, each in value.items()}
    if isinstance(value, lists):
        return [_rebuilt(each, leaf, lists) for each in value]
    return leaf(value)


def _is_plain(value: Any) -> bool:
    """Tell whether JSON has a form for a value that holds no others."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


def _sealed(value: Any, name: Callable[[str], str]) -> Any:
    if isinstance(value, Secret):
        return {"sealed": name(value.reveal())}
    return value if _is_plain(value) else str(value)  # only compared: `seal` refuses it


def _is_too_deep(value: Any) -> bool:
    """Tell whether a value holds others in more levels than are kept; one in itself has no end."""
    level = _holders([value])
    for _ in range(DEEPEST):
        level = _holders(chain.from_iterable(map(_held, level)))
        if not level:
            return False
    return True


def _holders(values: Iterable[Any]) -> list[Any]:
    """Return what of some values holds others, each once."""
    return list({id(each): each for each in values if isinstance(each, HOLDERS)}.values())


def _held(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value


def _lost(value: Any, where: str) -> str:
    """Return what of a value JSON text in a database would not give back; empty where all is."""
    if isinstance(value, Mapping):
        return _lost_in(value, where)
    if isinstance(value, list | tuple):
        found = (_lost(each, f"{where}[{place}]") for place, each in enumerate(value))
        return next(filter(None, found), "")
    lost = _misfit(value)
    return f"{where} {lost}" if lost else ""


def _misfit(value: Any) -> str:
    """Return why JSON text in a database would not give back what holds no others."""
    if isinstance(value, str):
        return "" if storable(value) == value else "holds bytes that are not UTF-8"
    if isinstance(value, int | float):
        return "" if _is_carried(value) else f"is {value}, which JSON does not carry"
    kept = value is None or isinstance(value, Secret)
    return "" if kept else f"is a {type(value).__name__}"


def _is_carried(number: float) -> bool:
    """Tell whether JSON gives a number back as it is."""
    return bool(plain(number) == number) if isinstance(number, int) else math.isfinite(number)


def _lost_in(value: Mapping[Any, Any], where: str) -> str:
    reserved = {"sealed"}, {"kept", "size_bytes"}
    if set(value) in reserved:
        return f"{where} is a dictionary of {' and '.join(sorted(value))} alone, as the vault's are"
    for key, each in value.items():
        if not isinstance(key, str) or storable(key) != key:
            return f"{where} has the key {key!r}, which is not text"
        if lost := _lost(each, f"{where}[{key!r}]"):
            return lost
    return ""


def figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a finding as JSON takes them: whatever they are, an outcome is recorded.

    Decimals, times, sets and objects become text, and so do NaN and the infinite.
    """
    return {storable(str(key)): _figure(value) for key, value in facts.items()}


def _figure(value: Any) -> Any:
    if _is_too_deep(value):
        return f"nested more than {DEEPEST} deep"
    return _rebuilt(value, _told, HOLDERS)


def _told(value: Any) -> Any:
    if _is_plain(value) and not isinstance(value, str):
        return value
    return storable(repr(value) if isinstance(value, Secret) else str(value))

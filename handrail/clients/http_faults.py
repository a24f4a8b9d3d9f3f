"""What a failed HTTP exchange means, said without its URL: the URL may hold a secret."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import requests
import urllib3.exceptions as wire

from handrail.clients.errors import NoAnswer


@dataclass(frozen=True)
class _Fault:
    """One way to get no answer: its signs, its words, and whether the request may have arrived."""

    signs: tuple[type[BaseException], ...]
    why: str
    maybe_done: bool
    fix: str = ""


# In order: the first whose sign is found anywhere in the chain of exceptions is meant.
FAULTS = (
    _Fault(
        (ssl.SSLCertVerificationError,),
        "its TLS certificate was not accepted",
        maybe_done=False,
        fix="renew the certificate, or correct the host in the inventory",
    ),
    _Fault(
        (wire.NameResolutionError,),
        "the host name is not known",
        maybe_done=False,
        fix="correct the host in the inventory",
    ),
    _Fault((ConnectionRefusedError,), "the connection was refused", maybe_done=False),
    _Fault((wire.NewConnectionError,), "no connection could be made", maybe_done=False),
    # After the ones above: urllib3 counts them among the timeouts of connecting.
    _Fault(
        (requests.ConnectTimeout, wire.ConnectTimeoutError),
        "no connection within {seconds:g} s",
        maybe_done=False,
    ),
    _Fault(
        (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema),
        "the address is not a valid one",
        maybe_done=False,
        fix="correct the address in the inventory",
    ),
    _Fault(
        (requests.Timeout, wire.ReadTimeoutError),
        "no complete answer within {seconds:g} s",
        maybe_done=True,
    ),
    _Fault((requests.TooManyRedirects,), "it redirects in a circle", maybe_done=True),
)
CUT = _Fault((), "the connection was cut before the answer", maybe_done=True)


def no_answer(error: requests.RequestException, place: str, timeout_seconds: float) -> NoAnswer:
    """Return the error for a request that brought no answer.

    Args:
        error: What requests raised.
        place: Method, host and path.
        timeout_seconds: The limit that was set, to be named.
    """
    chain = list(_chain(error))
    fault = next((fault for fault in FAULTS if _shows(fault, chain)), CUT)
    host = place.rsplit(maxsplit=1)[-1].partition("/")[0]
    curl = f"see whether `curl -sS -o /dev/null -w '%{{http_code}}' {host}` answers from here"
    return NoAnswer(
        f"{place} brought no answer",
        fault.why.format(seconds=timeout_seconds),
        fault.fix or curl,
        maybe_done=fault.maybe_done,
    )


def _shows(fault: _Fault, chain: list[BaseException]) -> bool:
    return any(isinstance(each, fault.signs) for each in chain)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps, by cause, by context and by argument."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        waiting += [other for other in inner if isinstance(other, BaseException)]

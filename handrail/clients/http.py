"""HTTP without surprises: deadlines, no redirects unasked, no unsafe request sent twice."""

import json
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.http_answer import Answer
from handrail.clients.http_faults import no_answer
from handrail.clients.patience import LIMITED, Patience, demanded_wait, wait_demanded
from handrail.clients.secret import Secret
from handrail.clients.urls import leads_to_host

REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
SERVER_ERROR = 500
JSON = {"Content-Type": "application/json"}
CHUNK_BYTES = 64 * 1024

__all__ = ["Answer", "Http"]


class _Carried(AuthBase):
    """Put our own credentials on a request, or none; never those of a .netrc file."""

    def __init__(self, name: str, value: str | None) -> None:
        self._name, self._value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value is not None:
            request.headers[self._name] = self._value
        return request


class Http:
    """Speak to one base URL.

    Args:
        base: Scheme, host and leading path, without a trailing slash.
        name: What people call the server, where that is more than its host.
        bearer: Token sent as ``Authorization: Bearer …``; read at each request.
        carried: Header and prefix of the token, where they are others.
        timeout_seconds: For connecting and for each read; a whole answer gets twice that.
        patience: When to ask again.
    """

    def __init__(
        self,
        base: str,
        *,
        name: str | None = None,
        bearer: Secret | None = None,
        carried: tuple[str, str] = ("Authorization", "Bearer "),
        timeout_seconds: float = 30.0,
        patience: Patience | None = None,
    ) -> None:
        if not leads_to_host(base, ("http", "https")):
            raise ClientError(
                "an HTTP address was not accepted",
                "it does not start with http:// or https:// and a host",
                "correct the address in the inventory",
            )
        self._base = base.rstrip("/")
        self._name = name
        self._bearer = bearer
        self._header, self._prefix = carried
        self._timeout_seconds = timeout_seconds
        self._patience = patience or Patience()

    @property
    def host(self) -> str:
        """Host and port of the base URL, without user or password."""
        return urlsplit(self._base).netloc.rpartition("@")[2]

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,  # Any: text, a number, or a list of them
        body: Any = None,  # Any: plain data to send as JSON
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
        repeatable: bool | None = None,
        shown: str | None = None,
    ) -> Answer:
        """Send a request and return the answer, whatever its status.

        Asks again after 429, 5xx or a lost connection when the method may be repeated. Any other
        method is asked again after 429 alone, because a refused request did nothing.

        Args:
            method: HTTP method, in capitals.
            path: Path below the base URL; shown in errors.
            params: Query; never shown. A list repeats its key.
            body: Sent as JSON.
            form: Sent as form fields, with ``files`` as multipart.
            files: Name to file name, content, content type.
            headers: Beside those that credentials and body bring.
            follow_redirects: Off unless asked for: a redirect is an answer.
            repeatable: True for a POST that changes nothing.
            shown: What errors call the address, where its path is itself a secret.

        Raises:
            NoAnswer: unreachable, too slow, or cut off.
        """
        again = method in REPEATABLE if repeatable is None else repeatable
        place = shown or f"{method} {self.host}{urlsplit(self._base).path}{path}"
        data, of_data = (form, {}) if body is None else (json.dumps(body).encode(), JSON)
        options = {
            "params": params,
            "data": data,
            "files": files,
            "headers": {"Accept": "application/json", **of_data, **(headers or {})},
            "auth": self._credentials(),
            "allow_redirects": follow_redirects,
        }
        return self._insist(method, self._base + path, options, place, again=again)

    def get(self, path: str, **options: Any) -> Answer:  # Any: those of request
        """Send a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:  # Any: those of request
        """Send a POST; not repeated after an uncertain failure."""
        return self.request("POST", path, **options)

    def refusal(self, answer: Answer, what: str, *, hide: tuple[str, ...] = ()) -> ClientError:
        """Return the error that an unwelcome answer means.

        Args:
            answer: What came.
            what: What was tried.
            hide: Values of the request that the server may have echoed.
        """
        if answer.status == requests.codes.unauthorized:
            name = self._credential_name()
            return ClientError(
                what,
                f"{answer.place} answered 401: the key is refused",
                f"put a valid key into {name}, then the same command again",
            )
        said = answer.message(hide=(*hide, *self._credential_values()))
        why = f"{answer.place} answered {answer.status}" + (f": {said}" if said else "")
        return ClientError(what, why, self._next(answer))

    def _next(self, answer: Answer) -> str:
        """Return what to do about an unwelcome answer."""
        if answer.status == LIMITED:
            wait = demanded_wait(answer.status, answer.headers, datetime.now(UTC))
            until = f"in {wait:.0f} s" if wait is not None else "in a minute"
            return f"run the same command again {until}"
        if answer.status >= SERVER_ERROR:
            return f"see whether {self.host} reports an incident, then the same command again"
        return "correct what the answer names, then the same command again"

    def _credential_name(self) -> str:
        return self._bearer.called("the inventory") if self._bearer else "the inventory"

    def _credential_values(self) -> list[str]:
        if self._bearer is None:
            return []
        value = self._bearer.reveal()
        return [value, b64encode(value.encode()).decode()]

    def _credentials(self) -> AuthBase:
        if self._bearer is None:
            return _Carried("Authorization", None)
        token = self._bearer.reveal()
        if not (token.isascii() and token.isprintable()):
            raise ClientError(
                f"no request was sent to {self.host}",
                "the key holds a line break or a character that no key has",
                f"write the key alone into {self._credential_name()}",
            )
        return _Carried(self._header, f"{self._prefix}{token}")

    def _insist(
        self, method: str, url: str, options: dict[str, Any], place: str, *, again: bool
    ) -> Answer:
        patience = self._patience
        started = patience.clock()

        def spent(state: tenacity.RetryCallState) -> bool:
            late = patience.clock() - started + state.upcoming_sleep > patience.total_seconds
            return late or state.attempt_number >= patience.attempts

        def worth_another(state: tenacity.RetryCallState) -> bool:
            answer = _answer_of(state)
            if answer is None:
                return again
            return answer.status == LIMITED or (again and answer.status >= SERVER_ERROR)

        chosen = tenacity.wait_random_exponential(
            multiplier=patience.first_wait_seconds, max=patience.longest_wait_seconds
        )

        def wait(state: tenacity.RetryCallState) -> float:
            answer = _answer_of(state)
            now = datetime.now(UTC)
            told = demanded_wait(answer.status, answer.headers, now) if answer else None
            wait_demanded(self._name or self.host, told or 0.0)
            return max(told or 0.0, chosen(state))

        retrying = tenacity.Retrying(
            stop=spent,
            wait=wait,
            retry=worth_another,
            sleep=patience.sleep,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: Answer = retrying(self._send, method, url, options, place)
        return answer

    def _send(self, method: str, url: str, options: dict[str, Any], place: str) -> Answer:
        timeout = self._timeout_seconds
        started = time.monotonic()
        try:
            # A connection kept from an earlier request may be dead, and a POST that fails on it
            # would be an uncertain one; so each request has its own.
            with (
                requests.Session() as session,
                session.request(method, url, timeout=timeout, stream=True, **options) as response,
            ):
                content = bytearray()
                for chunk in response.iter_content(CHUNK_BYTES):
                    content += chunk
                    if time.monotonic() - started > 2 * timeout:
                        raise requests.ReadTimeout
        except requests.RequestException as error:
            raise no_answer(error, place, timeout) from None
        text = content.decode("utf-8", errors="replace")
        headers: Mapping[str, str] = CaseInsensitiveDict(response.headers)
        return Answer(response.status_code, headers, text, time.monotonic() - started, place)


def _answer_of(state: tenacity.RetryCallState) -> Answer | None:
    """Return the answer of an attempt; None when there was none. A bug is raised at once."""
    if state.outcome is None:
        return None
    error = state.outcome.exception()
    if error is None:
        answer: Answer = state.outcome.result()
        return answer
    if isinstance(error, NoAnswer):
        return None
    raise error

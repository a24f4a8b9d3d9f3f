"""Ways to reach people and programs with news: webhooks, Slack, e-mail, what apprise knows."""

import hashlib
import hmac
import json
import logging
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from handrail.clients.alerts import SUCCESS, TIMEOUT_SECONDS, base_and_path
from handrail.clients.errors import ClientError
from handrail.clients.fields import as_list
from handrail.clients.http import Http
from handrail.clients.patience import Patience
from handrail.clients.secret import Secret

PATIENCE = Patience(attempts=4, total_seconds=60)
News = Mapping[str, Any]  # Any: JSON; `event`, `text`, `at`, `environment`, `run`, …, `key`
FORMS = (
    '`notify = [{"webhook": "env:URL", "secret": "env:KEY"}, {"slack": "env:URL"}, '
    '{"email": "env:SMTP_URL", "from": "…", "to": ["…"]}, {"apprise": "env:APPRISE_URL"}, '
    '{"heartbeat": "env:URL"}]`'
)


class Channel(Protocol):
    """A way to reach somebody."""

    @property
    def name(self) -> str:
        """Return what people call it: its kind, and how the inventory names its address."""

    def send(self, news: News) -> None:
        """Send one piece of news; the same key is the same news.

        Raises:
            ClientError: it was not taken.
        """


@dataclass(frozen=True)
class Hook:
    """A webhook that takes the news as JSON.

    Args:
        url: Full URL.
        secret: Signs the body: ``X-Handrail-Signature: sha256=HEX`` is its HMAC-SHA-256.
    """

    url: Secret
    secret: Secret | None = None

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"hook `{self.url.reference}`"

    def send(self, news: News) -> None:
        """Post it; asked again it is the same news, by its ``Idempotency-Key``."""
        _post(self.url, dict(news), str(news["key"]), self.secret)


@dataclass(frozen=True)
class Slack:
    """An incoming webhook of Slack's form, which others take as well.

    Args:
        url: Full URL.
    """

    url: Secret

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"slack `{self.url.reference}`"

    def send(self, news: News) -> None:
        """Post its sentence."""
        _post(self.url, {"text": f"{news['text']} ({news['event']})"}, str(news["key"]))


@dataclass(frozen=True)
class Mail:
    """A mail server.

    Args:
        server: ``smtp://host:25``, ``smtp://user:password@host:587`` (by STARTTLS) or ``smtps://…``.
        sender: From whom.
        to: To whom.
    """

    server: Secret
    sender: str
    to: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"mail `{self.server.reference}`"

    def send(self, news: News) -> None:
        """Send it as a mail with a Message-ID of its own."""
        mail = EmailMessage()
        mail["Subject"] = f"{news['environment']}: {news['text']}"[:200]
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail["Message-ID"] = f"<{hashlib.sha256(str(news['key']).encode()).hexdigest()}@handrail>"
        mail.set_content(json.dumps(dict(news), indent=2, ensure_ascii=False))
        try:
            with _connected(urlsplit(self.server.reveal())) as smtp:
                smtp.send_message(mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            what = f"the mail through `{self.server.reference}` was not sent"
            why = f"the server did not take it: {type(error).__name__}"
            raise ClientError(
                what, why, f"see whether `{self.server.reference}` is right"
            ) from None


@dataclass(frozen=True)
class Apprise:
    """A service that apprise reaches: Matrix, Teams, Telegram, PagerDuty and a hundred others.

    Args:
        url: As apprise writes it, ``tgram://TOKEN/CHAT`` say.

    Source: https://github.com/caronc/apprise/wiki
    """

    url: Secret

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"apprise `{self.url.reference}`"

    def send(self, news: News) -> None:
        """Send its sentence."""
        what = f"news through `{self.url.reference}` were not sent"
        try:
            import apprise  # noqa: PLC0415  an extra
        except ImportError:
            why = "apprise is not installed"
            raise ClientError(what, why, "pip install 'handrail[apprise]'") from None
        logging.getLogger("apprise").propagate = False  # it would show the address
        service = apprise.Apprise()
        if not service.add(self.url.reveal()):
            fix = "write it as https://github.com/caronc/apprise/wiki does"
            raise ClientError(what, "apprise does not know such an address", fix)
        title = f"{news['environment']}: {news['event']}"
        if not service.notify(body=str(news["text"]), title=title):
            raise ClientError(what, "the service did not take it", f"see `{self.url.reference}`")


def _connected(url: Any) -> smtplib.SMTP:  # Any: what urlsplit returns
    kind, usual = (smtplib.SMTP_SSL, 465) if url.scheme == "smtps" else (smtplib.SMTP, 25)
    smtp = kind(url.hostname or "", url.port or usual, timeout=TIMEOUT_SECONDS)
    if url.username:
        _log_in(smtp, url)
    return smtp


def _log_in(smtp: smtplib.SMTP, url: Any) -> None:  # Any: as above
    if url.scheme != "smtps":
        smtp.starttls()
    smtp.login(unquote(url.username), unquote(url.password or ""))


def ping(url: Secret) -> None:
    """Tell a heartbeat address that the run is alive: its receiver tells silence.

    Raises:
        ClientError: it did not answer well.
    """
    base, path, what = _address(url)
    asked = f"GET of `{url.reference}`"
    answer = Http(base, timeout_seconds=TIMEOUT_SECONDS).get(path, shown=asked)
    if answer.status not in SUCCESS:
        raise ClientError(what, f"it answered {answer.status}", f"see `{url.reference}`")


def channels(given: object) -> tuple[list[Channel], list[Secret]]:
    """Read an inventory's ``notify``: the channels, and the heartbeat addresses.

    Raises:
        ClientError: it is not of the form that there is, or a secret is written out.
    """
    found: list[Channel] = []
    hearts: list[Secret] = []
    for each in as_list(given):
        match each:
            case {"heartbeat": url, **more} if not more:
                hearts.append(_secret(url))
            case _:
                found.append(_channel(each))
    return found, hearts


def _channel(given: object) -> Channel:
    match given:
        case {"webhook": url, **more} if more.keys() <= {"secret"}:
            secret = more.get("secret")
            return Hook(_secret(url), _secret(secret) if secret else None)
        case {"slack": url, **more} if not more:
            return Slack(_secret(url))
        case {"email": url, "from": sender, "to": [*to], **more} if to and not more:
            return Mail(_secret(url), str(sender), tuple(map(str, to)))
        case {"apprise": url, **more} if not more:
            return Apprise(_secret(url))
    raise ClientError("`notify` was not understood", f"`{given}`", f"write {FORMS}")


def _secret(given: object) -> Secret:
    return Secret.from_inventory(given)


def _address(url: Secret) -> tuple[str, str, str]:
    """Return base, path with query, and what errors call an address, which is a secret itself.

    Raises:
        ClientError: it is no address.
    """
    what = f"`{url.reference}` was not reached"
    base, path = base_and_path(url, what, f"put a URL into `{url.reference}`")
    return base, path, what


def _post(url: Secret, body: dict[str, Any], key: str, secret: Secret | None = None) -> None:
    base, path, what = _address(url)
    headers = {"Idempotency-Key": key}
    if secret is not None:
        signed = hmac.new(secret.reveal().encode(), json.dumps(body).encode(), hashlib.sha256)
        headers["X-Handrail-Signature"] = f"sha256={signed.hexdigest()}"
    http = Http(base, timeout_seconds=TIMEOUT_SECONDS, patience=PATIENCE)
    asked = f"POST to `{url.reference}`"
    answer = http.post(path, body=body, headers=headers, repeatable=True, shown=asked)
    if answer.status not in SUCCESS:
        raise ClientError(what, f"it answered {answer.status}", f"see `{url.reference}`")

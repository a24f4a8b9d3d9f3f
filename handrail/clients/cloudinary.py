"""Cloudinary, as far as knowing that the key is accepted."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from handrail.clients.fields import read_fields, read_text
from handrail.clients.http import Http
from handrail.clients.secret import Secret

OK = 200


@dataclass(frozen=True)
class Cloudinary:
    """One Cloudinary account.

    Args:
        cloud: Name of the cloud.
        key: API key.
        secret: API secret.
        api: Base URL, ``https://api.cloudinary.com``.
    """

    cloud: str
    key: Secret
    secret: Secret
    api: str

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Read ``{"cloud", "key", "secret", "api"}``; key and secret are references.

        Raises:
            ClientError: a key is missing or unknown, or a value has another form.
        """
        if isinstance(value, cls):
            return value
        given = read_fields(value, "Cloudinary", ("cloud", "key", "secret", "api"))
        return cls(
            cloud=read_text(given["cloud"], "Cloudinary", "cloud"),
            key=Secret.from_inventory(given["key"]),
            secret=Secret.from_inventory(given["secret"]),
            api=read_text(given["api"], "Cloudinary", "api").rstrip("/"),
        )

    def secrets(self) -> list[Secret]:
        """Return key and secret."""
        return [self.key, self.secret]

    def ping(self) -> None:
        """Ask whether the account answers to this key.

        Raises:
            ClientError: refused, or unreachable.

        Source: https://cloudinary.com/documentation/admin_api#ping_cloudinary_servers
        """
        http = Http(self.api, basic=(self.key, self.secret))
        answer = http.get(f"/v1_1/{quote(self.cloud, safe='')}/ping")
        if answer.status != OK:
            raise http.refusal(answer, f"Cloudinary account `{self.cloud}` did not answer a ping")
        answer.json()

"""Issue and read the signed tokens that stand for a login."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import jwt
from django.conf import settings
from django.db import transaction

from apps.accounts.models import OutstandingToken, User

ALGORITHM = "HS256"


class Kind(StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"


class BadToken(Exception):  # noqa: N818  it says what the caller holds, not what went wrong here
    """The token was not issued by us, is of the other kind, or has run out."""


@dataclass(frozen=True)
class Token:
    """What a valid token says."""

    user_id: int
    jti: str


def issue_access(user: User) -> str:
    """Return a token that opens the API for an hour."""
    return _signed(user, Kind.ACCESS, str(uuid.uuid4()), _expiry(settings.ACCESS_TOKEN_SECONDS))


def issue_refresh(user: User) -> str:
    """Return a token that gives new access tokens for a week, and remember it.

    Raises:
        IntegrityError: the user has no row in ``auth_user``, to which outstanding tokens refer.
    """
    jti, expires = str(uuid.uuid4()), _expiry(settings.REFRESH_TOKEN_SECONDS)
    with transaction.atomic():  # the foreign key is checked when this ends
        OutstandingToken.objects.create(account_id=user.pk, jti=jti, expires_at=expires)
    return _signed(user, Kind.REFRESH, jti, expires)


def read(token: str, kind: Kind) -> Token:
    """Return what a token says.

    Raises:
        BadToken: it does not hold.
    """
    try:
        claims = jwt.decode(
            token,
            settings.SECRET_KEY,
            algorithms=[ALGORITHM],
            options={"require": ["sub", "exp", "jti", "type"]},
        )
        if claims["type"] != kind:
            raise BadToken
        return Token(int(claims["sub"]), claims["jti"])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise BadToken from error


def _expiry(lifetime_seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=lifetime_seconds)


def _signed(user: User, kind: Kind, jti: str, expires: datetime) -> str:
    claims = {
        "sub": str(user.pk),
        "type": kind,
        "jti": jti,
        "iat": datetime.now(UTC),
        "exp": expires,
    }
    return jwt.encode(claims, settings.SECRET_KEY, algorithm=ALGORITHM)

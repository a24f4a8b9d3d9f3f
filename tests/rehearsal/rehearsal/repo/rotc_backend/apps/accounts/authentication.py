"""Tell who a request or a socket comes from by its access token."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.models import User
from apps.accounts.tokens import BadToken, Kind, read


def bearer_of(token: str) -> User | None:
    """Return the approved account an access token stands for."""
    try:
        user_id = read(token, Kind.ACCESS).user_id
    except BadToken:
        return None
    return User.objects.filter(pk=user_id, is_approved=True).first()


class BearerAuthentication(BaseAuthentication):
    """Read ``Authorization: Bearer <access token>``."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        """Return the account and its token, or None when the request carries none."""
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        user = bearer_of(token.strip())
        if user is None:
            raise AuthenticationFailed("The access token does not hold.", "token_not_valid")
        return user, token

    def authenticate_header(self, _request: Request) -> str:
        """Return the challenge; without one Django REST framework answers 403 for 401."""
        return "Bearer"


class Anyone(BearerAuthentication):
    """Read no token, not even a stale one, yet refuse with the same 401 challenge."""

    def authenticate(self, _request: Request) -> None:
        """Leave the request without an account."""

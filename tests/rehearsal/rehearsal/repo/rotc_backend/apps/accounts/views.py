"""Log in, renew an access token, and ask who one is."""

from http import HTTPStatus
from typing import Any

from django.db import IntegrityError
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import passwords, tokens
from apps.accounts.authentication import Anyone
from apps.accounts.models import OutstandingToken, User


class AccountIncomplete(APIException):
    """The account cannot hold a token, whatever its password."""

    status_code = HTTPStatus.INTERNAL_SERVER_ERROR
    default_code = "account_incomplete"


class LoginRequest(serializers.Serializer):
    """What a login takes."""

    username = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False)


class RefreshRequest(serializers.Serializer):
    """What a renewal takes."""

    refresh = serializers.CharField()


def card(user: User) -> dict[str, Any]:
    """Return what an account tells of itself to its owner."""
    return {"id": user.pk, "username": user.username, "role": user.role}


def _checked(form: type[serializers.Serializer], request: Request) -> dict[str, str]:
    serializer = form(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


@api_view(["POST"])
@authentication_classes([Anyone])
@permission_classes([AllowAny])
def login(request: Request) -> Response:
    """Answer a user name and password with an access and a refresh token."""
    asked = _checked(LoginRequest, request)
    user = User.objects.filter(username=asked["username"], is_approved=True).first()
    if user is None or not passwords.matches(asked["password"], user.password):
        raise AuthenticationFailed("Wrong user name or password.", "invalid_credentials")
    try:
        refresh_token = tokens.issue_refresh(user)
    except IntegrityError as error:
        raise AccountIncomplete(f"User {user.pk} has no row in auth_user.") from error
    return Response(
        {"access": tokens.issue_access(user), "refresh": refresh_token, "user": card(user)}
    )


@api_view(["POST"])
@authentication_classes([Anyone])
@permission_classes([AllowAny])
def refresh(request: Request) -> Response:
    """Answer a refresh token that is still out with a new access token."""
    refused = AuthenticationFailed("The refresh token does not hold.", "token_not_valid")
    try:
        token = tokens.read(_checked(RefreshRequest, request)["refresh"], tokens.Kind.REFRESH)
    except tokens.BadToken:
        raise refused from None
    user = User.objects.filter(pk=token.user_id, is_approved=True).first()
    is_out = OutstandingToken.objects.filter(jti=token.jti, account_id=token.user_id).exists()
    if user is None or not is_out:
        raise refused
    return Response({"access": tokens.issue_access(user)})


@api_view(["GET"])
def me(request: Request) -> Response:
    """Answer who the access token stands for."""
    return Response(card(request.user))

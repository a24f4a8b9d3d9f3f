"""The one form every error answer has: error, message, code, details."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, InternalError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

log = logging.getLogger(__name__)


class Unavailable(exceptions.APIException):
    """Something the answer needs does not work just now."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "A part of the system does not answer."
    default_code = "unavailable"


class Conflict(exceptions.APIException):
    """The database refused the row."""

    status_code = HTTPStatus.CONFLICT
    default_detail = "The row contradicts another one."
    default_code = "conflict"


def error_body(status: int, message: str, code: str, details: Any = None) -> dict[str, Any]:
    """Return the body of an error answer; ``details`` is whatever JSON explains it."""
    return {
        "error": HTTPStatus(status).phrase,
        "message": message,
        "code": code,
        "details": details or {},
    }


def standard_error(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into the standard answer; a bug stays a bug."""
    exception = _of_the_api(exception)
    response = exception_handler(exception, context)
    if response is None:
        return None
    if isinstance(exception, exceptions.ValidationError):
        message, code, details = "The request is not valid.", "invalid", response.data
    else:
        message, code, details = str(exception.detail), exception.detail.code, None
    response.data = error_body(response.status_code, message, code, details)
    return response


def _of_the_api(exception: Exception) -> Exception:
    if isinstance(exception, Http404):
        return exceptions.NotFound()
    if isinstance(exception, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exception, IntegrityError):
        # The whole message would repeat the row, which is personal data.
        constraint = exception.__cause__.diag.constraint_name
        log.warning("The database refused a row for its constraint %s", constraint)
        return Conflict()
    # PostgreSQL reports a write on a read-only database as an internal error.
    if isinstance(exception, OperationalError | InternalError):
        log.error("The database refused: %s", exception)
        return Unavailable("The database takes no requests of this kind now.", "database")
    if isinstance(exception, RedisError):
        log.error("Redis failed: %s", exception)
        return Unavailable("The cache does not answer.", "redis")
    return exception


# Django passes the arguments of these three by name.
def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Answer a request Django itself refused."""
    return _plain(HTTPStatus.BAD_REQUEST, "The request is not valid.", "bad_request")


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Answer a request no route takes."""
    return _plain(HTTPStatus.NOT_FOUND, "There is nothing at this address.", "not_found")


def server_error(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """Answer a request that hit a bug."""
    return _plain(
        HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed; its log says why.", "server_error"
    )


def _plain(status: HTTPStatus, message: str, code: str) -> JsonResponse:
    return JsonResponse(error_body(status, message, code), status=status)

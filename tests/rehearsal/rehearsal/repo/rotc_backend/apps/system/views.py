"""Probes of the worker and of the cache."""

import re
from typing import Any
from uuid import UUID

from celery.result import AsyncResult
from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.errors import Unavailable
from apps.system.health import BEAT_KEY
from apps.system.tasks import echo
from config.celery import app

KEY_FORM = re.compile(r"[\w.:-]{1,100}", re.ASCII)
CACHE_SECONDS = 300
LONGEST_TEXT = 1000


class EchoRequest(serializers.Serializer):
    """What an echo takes."""

    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False)


@api_view(["POST"])
def start_echo(request: Request) -> Response:
    """Send a text to the worker."""
    asked = EchoRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    try:
        sent = echo.delay(asked.validated_data["text"])
    except (OperationalError, RedisError, RuntimeError) as error:
        # The result store gives up with a bare RuntimeError: "Retry limit exceeded".
        raise Unavailable("The broker takes no tasks now.", "broker") from error
    return Response({"id": sent.id}, status=202)


@api_view(["GET"])
def task(_request: Request, task_id: UUID) -> Response:
    """Answer how far a task is; one nobody has heard of is pending for ever."""
    found = AsyncResult(str(task_id), app=app)
    state = found.state  # asked first: once it has ended, its result is of the same answer
    result = found.result
    return Response(
        {
            "id": found.id,
            "state": state,
            "result": str(result) if isinstance(result, BaseException) else result,
        }
    )


@api_view(["GET", "PUT"])
def cached(request: Request, key: str) -> Response:
    """Read a value from the cache, or keep one there for five minutes."""
    if not KEY_FORM.fullmatch(key):
        raise ParseError("A key has at most 100 letters, digits and . : _ - characters.")
    if request.method == "PUT":
        if key == BEAT_KEY:
            raise PermissionDenied("Only beat itself proves that it runs.")
        cache.set(key, _value(request), timeout=CACHE_SECONDS)
    absent = object()
    value = cache.get(key, absent)
    if value is absent:
        raise NotFound("Nothing is kept under this key.")
    return Response({"key": key, "value": value})


def _value(request: Request) -> Any:  # Any: whatever JSON the caller keeps
    if not isinstance(request.data, dict) or "value" not in request.data:
        raise ParseError('The body must be {"value": ...}.')
    return request.data["value"]

"""Whether the system works: what Render asks every few seconds."""

import logging
from http import HTTPStatus

from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from config.celery import app

log = logging.getLogger(__name__)

OK = "ok"
UNREACHABLE = "unreachable"
BEAT_KEY = "beat:heartbeat"
WORKER_KEY = "health:worker"
WORKER_ANSWER_SECONDS = 1.0
# Asking the worker costs a round trip through the broker, so its answer is shared for a moment.
WORKER_MEMORY_SECONDS = 2


@require_safe
def health(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while requests can be served, 503 when the database or Redis fails.

    A worker that does not answer is named, and makes the status ``degraded``, but leaves the
    answer at 200: a web service that waited for its worker could never be deployed before it.
    """
    parts = {"database": _database(), "redis": _redis()}
    works = set(parts.values()) == {OK}
    parts["celery"] = _worker() if parts["redis"] == OK else UNREACHABLE
    if not works:
        status = "unhealthy"
    else:
        status = "healthy" if parts["celery"] == OK else "degraded"
    beat = cache.get(BEAT_KEY) if parts["redis"] == OK else None
    return JsonResponse(
        {"status": status, **parts, "beat": beat or "never"},
        status=HTTPStatus.OK if works else HTTPStatus.SERVICE_UNAVAILABLE,
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        log.error("The database does not answer: %s", error)
        return UNREACHABLE
    return OK


def _redis() -> str:
    try:
        # Django's cache offers no PING; a read makes the same round trip.
        cache.get(WORKER_KEY)
    except RedisError as error:
        log.error("Redis does not answer: %s", error)
        return UNREACHABLE
    return OK


def _worker() -> str:
    known = cache.get(WORKER_KEY)
    if known:
        return known
    try:
        answered = app.control.ping(timeout=WORKER_ANSWER_SECONDS, limit=1)
    except (KombuError, OSError, RedisError) as error:
        log.error("The broker does not answer: %s", error)
        answered = []
    found = OK if answered else UNREACHABLE
    cache.set(WORKER_KEY, found, timeout=WORKER_MEMORY_SECONDS)
    return found

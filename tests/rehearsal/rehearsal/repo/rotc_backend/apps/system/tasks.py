"""What the worker does in the background."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.cache import cache

from apps.accounts.models import OutstandingToken
from apps.system.health import BEAT_KEY
from apps.system.models import SyncEvent
from config.celery import app


@app.task(name="system.echo")
def echo(text: str) -> str:
    """Return the text: proof that a task goes out and its result comes back."""
    return text


@app.task(name="system.heartbeat", ignore_result=True)
def heartbeat() -> None:
    """Note the time: proof that beat sends and the worker takes."""
    cache.set(BEAT_KEY, datetime.now(UTC).isoformat(), timeout=None)


@app.task(name="system.purge_old_records")
def purge_old_records() -> int:
    """Delete processed events past their retention and tokens that ran out; count the events."""
    now = datetime.now(UTC)
    oldest = now - timedelta(days=settings.SYNC_EVENT_RETENTION_DAYS)
    OutstandingToken.objects.filter(expires_at__lt=now).delete()
    purged, _ = SyncEvent.objects.filter(processed=True, created_at__lt=oldest).delete()
    return purged

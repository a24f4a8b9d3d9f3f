"""Settings of a deployed service: every value that differs comes from the environment."""

import hashlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path

from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import environment
from config.settings.base import *  # noqa: F403  a settings module extends the one below it
from config.settings.base import BASE_DIR

SECRET_KEY = environment.text("SECRET_KEY", "a random text of at least 50 characters", 50)
DEBUG = environment.flag("DEBUG")
ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS")
if os.environ.get("RENDER_EXTERNAL_HOSTNAME"):
    ALLOWED_HOSTS.append(os.environ["RENDER_EXTERNAL_HOSTNAME"])
CORS_ALLOWED_ORIGINS = environment.origins("CORS_ALLOWED_ORIGINS")

# TLS ends at Render's edge; the application itself is spoken to in plain HTTP.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = environment.flag("SECURE_SSL_REDIRECT", default=False)

_database = environment.database("DATABASE_URL")
_database["OPTIONS"].setdefault("connect_timeout", "3")
DATABASES = {"default": {**_database, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}

_redis = environment.redis("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _redis,
        "KEY_PREFIX": "rotc",
        # The client would try four times, and a health answer may take five seconds in all.
        "OPTIONS": {
            "socket_connect_timeout": 1,
            "socket_timeout": 1,
            "retry": Retry(NoBackoff(), retries=1),
        },
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [_redis]},
    }
}

CLOUDINARY = {
    "cloud_name": environment.text("CLOUDINARY_CLOUD_NAME", "the name of the Cloudinary cloud"),
    "api_key": environment.text("CLOUDINARY_API_KEY", "the API key of the Cloudinary cloud"),
    "api_secret": environment.text("CLOUDINARY_API_SECRET", "the API secret of that key"),
    "secure": True,
}
if os.environ.get("CLOUDINARY_UPLOAD_PREFIX"):
    CLOUDINARY["upload_prefix"] = os.environ["CLOUDINARY_UPLOAD_PREFIX"].rstrip("/")

CELERY_BROKER_URL = environment.redis("CELERY_BROKER_URL")
CELERY_RESULT_BACKEND = environment.redis("CELERY_RESULT_BACKEND")
CELERY_WORKER_CONCURRENCY = environment.count("CELERY_WORKER_CONCURRENCY", 2)
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {
        "task": "system.heartbeat",
        "schedule": timedelta(seconds=environment.seconds("BEAT_INTERVAL_SECONDS", default=5)),
    },
    "purge-old-records": {
        "task": "system.purge_old_records",
        "schedule": timedelta(
            seconds=environment.seconds("PURGE_INTERVAL_SECONDS", default=24 * 3600)
        ),
    },
}
# Two checkouts on one machine must not share a schedule file.
_checkout = hashlib.sha256(str(BASE_DIR).encode()).hexdigest()[:12]
CELERY_BEAT_SCHEDULE_FILENAME = os.environ.get("CELERY_BEAT_SCHEDULE_FILENAME") or str(
    Path(tempfile.gettempdir()) / f"celerybeat-{_checkout}"
)

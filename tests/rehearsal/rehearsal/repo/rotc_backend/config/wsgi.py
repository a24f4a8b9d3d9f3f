"""The entry point of the web service (gunicorn)."""

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

application = get_wsgi_application()
# Load every view now: a server that preloads does it once, not once in each worker.
get_resolver().url_patterns  # noqa: B018  reading it loads them

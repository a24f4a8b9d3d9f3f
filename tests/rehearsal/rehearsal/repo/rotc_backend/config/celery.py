"""The Celery application: ``celery -A config worker`` and ``celery -A config beat``."""

from celery import Celery

app = Celery("rotc")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

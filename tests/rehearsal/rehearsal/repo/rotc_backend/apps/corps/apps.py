"""Registration of the application."""

from django.apps import AppConfig


class CorpsConfig(AppConfig):
    """The ``corps`` application."""

    name = "apps.corps"

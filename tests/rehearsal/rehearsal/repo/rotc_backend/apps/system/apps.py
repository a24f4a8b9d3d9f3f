"""Registration of the application."""

from django.apps import AppConfig


class SystemConfig(AppConfig):
    """The ``system`` application."""

    name = "apps.system"

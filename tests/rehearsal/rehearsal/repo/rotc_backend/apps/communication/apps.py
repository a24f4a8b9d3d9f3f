"""Registration of the application."""

from django.apps import AppConfig


class CommunicationConfig(AppConfig):
    """The ``communication`` application."""

    name = "apps.communication"

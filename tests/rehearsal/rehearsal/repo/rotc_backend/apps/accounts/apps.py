"""Registration of the application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The ``accounts`` application."""

    name = "apps.accounts"

"""The tables of this application that the API serves."""

from typing import Any, ClassVar

from rest_framework.serializers import ModelSerializer

from apps.accounts import passwords
from apps.accounts.models import User, UserSettings
from apps.api.resources import resource


class AccountSerializer(ModelSerializer):
    """Take a password in the clear, store its hash, show neither."""

    class Meta:
        """What differs from the model."""

        extra_kwargs: ClassVar = {"password": {"write_only": True, "trim_whitespace": False}}

    def get_extra_kwargs(self) -> dict[str, Any]:
        """Let a change of an account leave its password alone."""
        settings = super().get_extra_kwargs()
        settings["password"]["required"] = self.instance is None
        return settings

    def validate_password(self, password: str) -> str:
        """Return the hash in place of the password."""
        return passwords.hashed(password)


RESOURCES = (
    resource(User, serializer=AccountSerializer, admin_writes=True),
    resource(UserSettings),
)

"""Accounts, their preferences and the refresh tokens that are out."""

from typing import Any

from django.contrib.auth.models import User as AuthUser
from django.db import models, transaction

AUTH_USERNAME_LENGTH = 150


class User(models.Model):
    """An account of the grading system.

    Its ``password`` is a bare bcrypt hash, as the Node server wrote it, and never a Django one.
    Each account is shadowed by a row of ``auth_user`` with the same id and username, to which
    outstanding tokens refer; loading ``users`` by SQL means loading ``auth_user`` as well.
    """

    is_authenticated = True  # what permission classes ask of whoever a token names

    username = models.CharField(max_length=255, unique=True)
    password = models.CharField(max_length=255)
    role = models.CharField(max_length=20, default="cadet")
    # Soft references: the account may outlive the person.
    cadet_id = models.IntegerField(null=True, blank=True)
    staff_id = models.IntegerField(null=True, blank=True)
    is_approved = models.BooleanField(default=False)
    email = models.EmailField(max_length=254, unique=True)
    profile_pic = models.TextField(null=True, blank=True)
    last_latitude = models.FloatField(null=True, blank=True)
    last_longitude = models.FloatField(null=True, blank=True)
    last_location_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "users"

    def __str__(self) -> str:
        """Return the name the account logs in with."""
        return self.username

    def save(self, *args: Any, **options: Any) -> None:  # Any: Django's own signature
        """Write the account and its shadow together."""
        with transaction.atomic():
            super().save(*args, **options)
            AuthUser.objects.update_or_create(
                id=self.pk, defaults={"username": self.username[:AUTH_USERNAME_LENGTH]}
            )

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:  # Any: as above
        """Remove the account, its shadow and the tokens that are out."""
        with transaction.atomic():
            AuthUser.objects.filter(id=self.pk).delete()
            return super().delete(*args, **options)


class UserSettings(models.Model):
    """What one person prefers to see and to be told."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="settings")
    email_alerts = models.BooleanField(default=True)
    push_notifications = models.BooleanField(default=True)
    activity_updates = models.BooleanField(default=True)
    dark_mode = models.BooleanField(default=False)
    compact_mode = models.BooleanField(default=False)
    primary_color = models.CharField(max_length=50, default="blue")
    custom_bg = models.TextField(null=True, blank=True)

    class Meta:
        """Table of the old system."""

        db_table = "user_settings"

    def __str__(self) -> str:
        """Return whose settings these are."""
        return f"settings of user {self.user_id}"


class OutstandingToken(models.Model):
    """A refresh token that was issued and has neither run out nor been revoked."""

    account = models.ForeignKey(AuthUser, on_delete=models.CASCADE, related_name="+")
    jti = models.CharField(max_length=36, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        """A table the old system did not have."""

        db_table = "outstanding_token"

    def __str__(self) -> str:
        """Return which token this is; its id alone cannot be used to log in."""
        return f"refresh token {self.jti}"

"""Activities, messages, notifications and where to push them."""

from django.db import models

from apps.accounts.models import User
from apps.corps.models import TrainingStaff


class Activity(models.Model):
    """Something the corps does or announces."""

    title = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    date = models.DateField()
    image_path = models.TextField(null=True, blank=True)
    images = models.TextField(null=True, blank=True)
    type = models.CharField(max_length=50, default="activity")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "activities"

    def __str__(self) -> str:
        """Return the title."""
        return self.title


class ActivityImage(models.Model):
    """A picture of an activity."""

    activity = models.ForeignKey(Activity, on_delete=models.CASCADE)
    image_url = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "activity_images"

    def __str__(self) -> str:
        """Return where the picture is."""
        return self.image_url


class AdminMessage(models.Model):
    """A question to the administrators and their reply."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    subject = models.CharField(max_length=255, blank=True, default="")
    message = models.TextField(blank=True, default="")
    status = models.CharField(max_length=20, default="pending")
    admin_reply = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "admin_messages"

    def __str__(self) -> str:
        """Return the subject."""
        return self.subject


class StaffMessage(models.Model):
    """What a member of the training staff told the others."""

    sender_staff = models.ForeignKey(TrainingStaff, on_delete=models.CASCADE)
    content = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "staff_messages"

    def __str__(self) -> str:
        """Return how the message begins."""
        return self.content[:50]


class Notification(models.Model):
    """Something one person should learn at once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    message = models.TextField()
    type = models.CharField(max_length=50)
    is_read = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "notifications"

    def __str__(self) -> str:
        """Return how the message begins."""
        return self.message[:50]


class PushSubscription(models.Model):
    """A browser that takes notifications for a person."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    endpoint = models.TextField()
    keys = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "push_subscriptions"

    def __str__(self) -> str:
        """Return whose browser this is."""
        return f"subscription {self.pk} of user {self.user_id}"

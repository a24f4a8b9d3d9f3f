"""Settings of the system, its audit trail and the events between its parts."""

from django.db import models


class SystemSetting(models.Model):
    """One setting of the whole system."""

    key = models.CharField(max_length=255, unique=True)
    value = models.TextField(blank=True, default="")

    class Meta:
        """Table of the old system."""

        db_table = "system_settings"

    def __str__(self) -> str:
        """Return which setting this is."""
        return self.key


class AuditLog(models.Model):
    """A change of a row, and who made it."""

    table_name = models.CharField(max_length=255)
    operation = models.CharField(max_length=10)
    # Soft references: the record outlives the row and the account.
    record_id = models.IntegerField()
    user_id = models.IntegerField(null=True, blank=True)
    payload = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "audit_logs"

    def __str__(self) -> str:
        """Return what was done to which row."""
        return f"{self.operation} {self.table_name} {self.record_id}"


class SyncEvent(models.Model):
    """Something other parts of the system still have to take up."""

    event_type = models.CharField(max_length=50)
    cadet_id = models.IntegerField(null=True, blank=True)
    payload = models.JSONField(default=dict, blank=True)
    processed = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "sync_events"

    def __str__(self) -> str:
        """Return what happened."""
        return self.event_type

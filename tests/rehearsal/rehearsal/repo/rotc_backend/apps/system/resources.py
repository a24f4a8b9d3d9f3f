"""The tables of this application that the API serves."""

from apps.api.resources import resource
from apps.system.models import AuditLog, SyncEvent, SystemSetting

RESOURCES = (
    resource(SystemSetting, admin_writes=True),
    resource(AuditLog),
    resource(SyncEvent),
)

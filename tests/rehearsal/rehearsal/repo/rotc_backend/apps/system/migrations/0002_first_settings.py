"""Give a new installation the four settings every page reads."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FIRST_SETTINGS = (
    ("school_year", "2025-2026"),
    ("semester", "1st Semester"),
    ("current_battalion", ""),
    ("maintenance_mode", "false"),
)


def insert(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Insert the settings in order, so that a new installation has them as ids 1 to 4."""
    setting = apps.get_model("system", "SystemSetting")
    for key, value in FIRST_SETTINGS:
        setting.objects.create(key=key, value=value)


def remove(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Remove the settings again."""
    setting = apps.get_model("system", "SystemSetting")
    setting.objects.filter(key__in=[key for key, _ in FIRST_SETTINGS]).delete()


class Migration(migrations.Migration):
    """Data only."""

    dependencies = (("system", "0001_initial"),)
    operations = (migrations.RunPython(insert, remove),)

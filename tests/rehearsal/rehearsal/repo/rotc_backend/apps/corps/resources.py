"""The tables of this application that the API serves."""

from apps.api.resources import resource
from apps.corps.models import (
    AttendanceRecord,
    Cadet,
    ExcuseLetter,
    Grade,
    MeritDemeritLog,
    StaffAttendanceRecord,
    TrainingDay,
    TrainingStaff,
)

RESOURCES = (
    resource(Cadet),
    resource(Grade),
    resource(TrainingStaff),
    resource(TrainingDay),
    resource(AttendanceRecord),
    resource(StaffAttendanceRecord),
    resource(ExcuseLetter),
    resource(MeritDemeritLog),
)

"""Gates of tasks 4, 6, 10 and 12: what users do works, through the doors that users take."""

from .accounts_sign_in import accounts_sign_in
from .frontend_reaches_backend import frontend_reaches_backend
from .health import health
from .notification_arrives import notification_arrives
from .records_round_trip import records_round_trip
from .task_is_done import task_is_done
from .upload_is_served import upload_is_served
from .users_work_in_a_browser import users_work_in_a_browser

__all__ = [
    "accounts_sign_in",
    "frontend_reaches_backend",
    "health",
    "notification_arrives",
    "records_round_trip",
    "task_is_done",
    "upload_is_served",
    "users_work_in_a_browser",
]

"""Routes of the API."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from apps.accounts import views as accounts
from apps.accounts.resources import RESOURCES as ACCOUNTS
from apps.communication.resources import RESOURCES as COMMUNICATION
from apps.corps.resources import RESOURCES as CORPS
from apps.system import views as system
from apps.system.health import health
from apps.system.resources import RESOURCES as SYSTEM
from apps.system.uploads import upload

router = SimpleRouter()
for resource in (*ACCOUNTS, *CORPS, *COMMUNICATION, *SYSTEM):
    name = resource.table_name.replace("_", "-")
    router.register(name, resource, basename=name)

# A redirect to the other spelling would lose the body of a POST and fail a strict health check,
# so what machines call first answers with and without the slash.
urlpatterns = [
    re_path(r"^api/health/?$", health),
    re_path(r"^api/v1/auth/login/?$", accounts.login),
    re_path(r"^api/v1/auth/refresh/?$", accounts.refresh),
    re_path(r"^api/v1/auth/me/?$", accounts.me),
    path("api/v1/uploads/", upload),
    path("api/v1/tasks/echo/", system.start_echo),
    path("api/v1/tasks/<uuid:task_id>/", system.task),
    path("api/v1/cache/<str:key>/", system.cached),
    path("api/v1/", include(router.urls)),
]

handler400 = "apps.api.errors.bad_request"
handler404 = "apps.api.errors.not_found"
handler500 = "apps.api.errors.server_error"

"""The entry point of the channels service (daphne): WebSockets, and HTTP for its health check."""

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

http = get_asgi_application()  # before the consumers, whose models need a set-up Django

from apps.communication.routing import websocket_urlpatterns  # noqa: E402  see above

# The Origin header is not checked: sockets are opened by a token in the query, never by a cookie,
# so a foreign page has nothing to ride on.
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})

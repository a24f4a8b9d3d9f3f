"""Routes of the sockets."""

from django.urls import path

from apps.communication.consumers import NotificationConsumer

websocket_urlpatterns = [path("ws/notifications/", NotificationConsumer.as_asgi())]

"""The tables of this application that the API serves."""

from rest_framework.serializers import BaseSerializer

from apps.api.resources import RowViewSet, resource
from apps.communication.live import push
from apps.communication.models import (
    Activity,
    ActivityImage,
    AdminMessage,
    Notification,
    PushSubscription,
    StaffMessage,
)


class NotificationViewSet(RowViewSet):
    """Notifications reach the open sockets of the person as they are made."""

    def perform_create(self, serializer: BaseSerializer) -> None:
        """Store the notification, then push it."""
        notification = serializer.save()
        push(notification.user_id, serializer.data)


RESOURCES = (
    resource(Activity),
    resource(ActivityImage),
    resource(AdminMessage),
    resource(StaffMessage),
    resource(Notification, viewset=NotificationViewSet),
    resource(PushSubscription),
)

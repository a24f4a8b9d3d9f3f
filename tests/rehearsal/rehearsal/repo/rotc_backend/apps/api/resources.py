"""Make the five calls on a table (list, create, retrieve, update, delete) of its model."""

from typing import Any

from django.db.models import Model
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet


class AdminWrites(BasePermission):
    """Everyone may read; on guarded resources only an administrator may write."""

    message = "Only an administrator may change this."

    def has_permission(self, request: Request, view: "RowViewSet") -> bool:
        """Say whether the request may go on."""
        reads = request.method in SAFE_METHODS
        return reads or not view.admin_writes or request.user.role == "admin"


class RowViewSet(ModelViewSet):
    """The calls on one table, open to whoever holds a valid access token."""

    permission_classes = (IsAuthenticated, AdminWrites)
    admin_writes = False
    table_name = ""


def resource(
    model: type[Model],
    *,
    serializer: type[ModelSerializer] = ModelSerializer,
    viewset: type[RowViewSet] = RowViewSet,
    admin_writes: bool = False,
) -> type[RowViewSet]:
    """Return the viewset of a model; its rows are serialized under their column names.

    Args:
        model: What to serve.
        serializer: Base of the row's serializer, for a model with fields of its own kind.
        viewset: Base of the viewset, for a model whose changes have consequences.
        admin_writes: Whether only an administrator may write.
    """
    fields = model._meta.concrete_fields  # noqa: SLF001  Django documents _meta as public
    renamed = {field.attname: {"source": field.name} for field in fields if field.is_relation}
    inherited = getattr(getattr(serializer, "Meta", None), "extra_kwargs", {})
    meta = type(
        "Meta",
        (),
        {
            "model": model,
            "fields": [field.attname for field in fields],
            "extra_kwargs": {**renamed, **inherited},
        },
    )
    attributes: dict[str, Any] = {  # Any: attributes of a class are of every type
        "queryset": model.objects.order_by("pk"),
        "serializer_class": type(f"{model.__name__}Serializer", (serializer,), {"Meta": meta}),
        "admin_writes": admin_writes,
        "table_name": model._meta.db_table,  # noqa: SLF001  as above
    }
    return type(f"{model.__name__}ViewSet", (viewset,), attributes)

"""The one form every list answer has: page, limit, total, data."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100


class PageAndLimit(BasePagination):
    """Pages counted from 1; a page past the end is empty, not an error."""

    page = 1
    limit = DEFAULT_LIMIT
    total = 0

    def paginate_queryset(
        self,
        queryset: QuerySet[Any],
        request: Request,
        view: object = None,  # noqa: ARG002  part of the interface
    ) -> list[Any]:
        """Return the rows of the page the request asks for."""
        self.page = _number(request, "page", 1)
        self.limit = min(_number(request, "limit", DEFAULT_LIMIT), LARGEST_LIMIT)
        self.total = queryset.count()
        first = (self.page - 1) * self.limit
        return list(queryset[first : first + self.limit]) if first < self.total else []

    def get_paginated_response(self, data: list[Any]) -> Response:
        """Return the page with where it stands."""
        return Response({"page": self.page, "limit": self.limit, "total": self.total, "data": data})


def _number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isdecimal() or int(value) < 1:
        raise ValidationError({name: ["must be a whole number above zero"]})
    return int(value)

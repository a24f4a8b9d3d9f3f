"""Take a file and keep it at Cloudinary."""

from http import HTTPStatus

import cloudinary
import cloudinary.uploader
from cloudinary.exceptions import Error as CloudinaryError
from django.conf import settings
from rest_framework.decorators import api_view, parser_classes
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

UPLOAD_SECONDS = 20


class UploadFailed(APIException):
    """Cloudinary did not take the file."""

    status_code = HTTPStatus.BAD_GATEWAY
    default_detail = "The file store did not take the file."
    default_code = "upload_failed"


@api_view(["POST"])
@parser_classes([MultiPartParser])
def upload(request: Request) -> Response:
    """Keep the part ``file`` of the form and answer where it is."""
    file = request.FILES.get("file")
    if file is None:
        raise ValidationError({"file": ["is missing"]})
    if file.size > settings.UPLOAD_LIMIT_BYTES:
        raise ValidationError({"file": [f"is larger than {settings.UPLOAD_LIMIT_BYTES} bytes"]})
    cloudinary.config(**settings.CLOUDINARY)
    try:
        kept = cloudinary.uploader.upload(
            file, resource_type="auto", folder="rotc", timeout=UPLOAD_SECONDS
        )
    except CloudinaryError as error:
        raise UploadFailed(f"The file store did not take the file: {error}") from error
    return Response({"url": kept["secure_url"], "public_id": kept["public_id"]}, status=201)

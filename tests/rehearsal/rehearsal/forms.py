"""Bodies of HTML forms, as clients send fields and files."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from rehearsal.wire import BadRequestError, Request

BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class File:
    """One uploaded file."""

    name: str
    content: bytes


@dataclass
class Form:
    """The fields, each with its last value, and the files of a body."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)


def parse_form(request: Request) -> Form:
    """Read a body of either form encoding, keeping the bytes of files as they are."""
    kind = request.head.get("content-type")
    if not kind.startswith("multipart/form-data"):
        pairs = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
        return Form(dict(pairs))
    match = BOUNDARY.search(kind)
    if match is None:
        raise BadRequestError("the multipart body names no boundary")
    form = Form()
    mark = b"--" + match.group(1).encode()
    for part in request.body.split(mark)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        found = dict(PARAMETER.findall(head.decode(errors="replace")))
        name = found.get("name", "")
        if "filename" in found:
            form.files[name] = File(found["filename"], content)
        else:
            form.fields[name] = content.decode(errors="replace")
    return form

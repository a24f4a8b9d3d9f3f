"""Task 6.1: a file that is uploaded comes back."""

import secrets
import struct
import zlib

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app.application import answered
from handrail.clients.app.profile import Absent
from handrail.clients.http import Http
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import OK, application, none_there, signed_in


@gate(fix="see the variables of the file store on the web service, then the same command again")
def upload_is_served(
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
) -> Finding:
    """A file that is uploaded comes back the same from where it is served."""
    app = application(web_url, profile, system)
    upload = app.system.upload
    if isinstance(upload, Absent):
        return none_there(upload, "upload")
    content = png(secrets.token_bytes(12))
    files = {upload.field: ("cutover-check.png", content, "image/png")}
    http, _ = signed_in(app, canaries)
    answer = http.post(upload.path, form=upload.form, files=files)
    if answer.status not in upload.status:
        return fails(f"the upload is answered {answer.status} {app.message(answer)}")
    url = str(answered(answer, upload.url))
    scheme, _, rest = url.partition("://")
    base, _, path = rest.partition("/")
    served = Http(f"{scheme}://{base}").get(f"/{path}")
    if served.status != OK:
        return fails(f"{url} answers {served.status}")
    # The client reads every body as text; the seed in the file is text, and in no other file.
    same = served.body_text == content.decode("utf-8", errors="replace")
    return holds(url=url) if same else fails(f"{url} serves another file than was uploaded")


def png(seed: bytes) -> bytes:
    """Return a valid PNG of one pixel that no other upload equals."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    size = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    note = b"Comment\0" + seed.hex().encode()
    pixel = zlib.compress(b"\0" + seed[:3])
    parts = (chunk(b"IHDR", size), chunk(b"tEXt", note), chunk(b"IDAT", pixel), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

"""Whether a file that is uploaded comes back the same from where it is served."""

import secrets
import struct
import zlib
from urllib.parse import urljoin

from handrail.clients.app.application import Application, answered
from handrail.clients.app.profile import Upload
from handrail.clients.app.seen import Seen, status
from handrail.clients.http import Http
from handrail.clients.urls import halves

OK = 200


def seen(app: Application, http: Http, upload: Upload) -> Seen:
    """Upload a small picture and read it back; it stays where it is.

    Raises:
        ClientError: nothing answers, here or where it is served.
    """
    content = png(secrets.token_bytes(12))
    files = {upload.field: ("cutover-check.png", content, "image/png")}
    answer = http.post(upload.path, form=upload.form, files=files)
    if answer.status not in upload.status:
        return Seen(f"the upload is answered {status(answer)} {app.message(answer)}".rstrip())
    url = urljoin(f"{app.base}{upload.path}", str(answered(answer, upload.url)))
    store, path = halves(url)
    served = Http(store).get(path, follow_redirects=True)
    if served.status != OK:
        return Seen(f"{url} answers {status(served)}")
    # The client reads every body as text; the seed in the file is text, and in no other file.
    if served.body_text != content.decode("utf-8", errors="replace"):
        return Seen(f"{url} serves another file than was uploaded")
    return Seen(facts={"url": url})


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

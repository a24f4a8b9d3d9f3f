"""A stand-in of Cloudinary: signed uploads, deletion, and delivery of the very bytes."""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal.forms import File, Form, parse_form
from rehearsal.wire import Answer, Request, listen

SIGNATURE_SECONDS = 3600  # Source: cloudinary.com/documentation/authentication_signatures
UNSIGNED = {"file", "cloud_name", "resource_type", "api_key", "signature"}
UPLOAD = re.compile(r"/v1_1/([^/]+)/(image|video|raw|auto)/upload")
DESTROY = re.compile(r"/v1_1/([^/]+)/(image|video|raw)/destroy")
PING = re.compile(r"/v1_1/([^/]+)/ping")
DELIVERY = re.compile(r"/([^/]+)/(image|video|raw)/upload/(?:v\d+/)?(.+)")
SIGNS = ((b"\x89PNG", "png", "image"), (b"\xff\xd8", "jpg", "image"), (b"GIF8", "gif", "image"))
TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}


@dataclass(frozen=True)
class Account:
    """One cloud and the key pair that may write to it."""

    cloud: str
    key: str
    secret: str


def signatures(fields: dict[str, str], secret: str) -> set[str]:
    """Return every signature Cloudinary accepts for these fields.

    SHA-1 and SHA-256; version 2 escapes ``&`` within a value, version 1 does not.
    """
    pairs = sorted((key, value) for key, value in fields.items() if key not in UNSIGNED and value)
    found = set()
    for ampersand in ("&", "%26"):
        values = [(key, value.replace("&", ampersand)) for key, value in pairs]
        text = "&".join(f"{key}={value}" for key, value in values) + secret
        found.add(hashlib.sha1(text.encode()).hexdigest())  # Cloudinary's own choice
        found.add(hashlib.sha256(text.encode()).hexdigest())
    return found


class Cloudinary:
    """The upload API and the delivery host, on one loopback port.

    Args:
        directory: Where uploaded bytes are kept.
        accounts: The clouds it knows.
    """

    def __init__(self, directory: Path, accounts: list[Account]) -> None:
        self.directory = directory
        self.accounts = {account.cloud: account for account in accounts}
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._server, port = await listen(self.answer)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def answer(self, request: Request) -> Answer:
        """Answer an API call, or deliver a file."""
        for pattern, method, call in (
            (UPLOAD, "POST", self._upload), (DESTROY, "POST", self._destroy),
            (PING, "GET", self._ping), (DELIVERY, "GET", self._deliver),
        ):  # fmt: skip
            match = pattern.fullmatch(request.path)
            if match and request.method in {method, "HEAD"}:
                account = self.accounts.get(match.group(1))
                if account is None:
                    return _error(404, f"Invalid cloud_name {match.group(1)}")
                return call(request, account, match.groups()[1:])
        return _error(404, "Resource not found")

    def _refusal(self, form: Form, account: Account) -> Answer | None:
        """Check the signature of a form; None when it is good."""
        fields = form.fields
        if fields.get("api_key") != account.key:
            return _error(401, "Invalid api_key")
        if not any(
            hmac.compare_digest(fields.get("signature", ""), good)
            for good in signatures(fields, account.secret)
        ):
            return _error(401, "Invalid Signature")
        try:
            age_seconds = time.time() - int(fields.get("timestamp", ""))
        except ValueError:
            return _error(400, "Missing required parameter - timestamp")
        if abs(age_seconds) > SIGNATURE_SECONDS:
            return _error(400, "Stale request")
        return None

    def _upload(self, request: Request, account: Account, parts: tuple[str, ...]) -> Answer:
        form = parse_form(request)
        refusal = self._refusal(form, account)
        if refusal is not None:
            return refusal
        file = form.files.get("file") or _data_uri(form.fields.get("file", ""))
        if file is None or not file.content:
            return _error(400, "Missing required parameter - file")
        kind, extension = _recognise(file.content)
        if parts[0] != "auto" and kind != parts[0]:
            if parts[0] == "image":
                return _error(400, "Invalid image file")
            kind, extension = parts[0], ""
        folder = form.fields.get("folder", "").strip("/")
        given = form.fields.get("public_id") or secrets.token_hex(10)
        public_id = f"{folder}/{given}" if folder else given
        path = self._path(account, kind, public_id)
        if path is None:
            return _error(400, "public_id is invalid")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        return Answer.of(self._description(account, kind, extension, public_id, file))

    def _description(
        self, account: Account, kind: str, extension: str, public_id: str, file: File
    ) -> dict[str, object]:
        version = int(time.time())
        name = f"{public_id}.{extension}" if extension else public_id
        url = f"{self.url}/{account.cloud}/{kind}/upload/v{version}/{name}"
        signed = {"public_id": public_id, "version": str(version)}
        text = "&".join(f"{key}={signed[key]}" for key in sorted(signed)) + account.secret
        described: dict[str, object] = {
            "asset_id": secrets.token_hex(16),
            "public_id": public_id,
            "version": version,
            "version_id": secrets.token_hex(16),
            "signature": hashlib.sha1(text.encode()).hexdigest(),
            "resource_type": kind,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(version)),
            "tags": [],
            "bytes": len(file.content),
            "type": "upload",
            "etag": hashlib.md5(file.content).hexdigest(),
            "placeholder": False,
            "url": url,
            "secure_url": url,
            "original_filename": Path(file.name).stem,
        }
        if extension:
            described["format"] = extension
        if extension == "png":  # Source: the IHDR chunk follows signature, length and name
            described["width"] = int.from_bytes(file.content[16:20], "big")
            described["height"] = int.from_bytes(file.content[20:24], "big")
        return described

    def _destroy(self, request: Request, account: Account, parts: tuple[str, ...]) -> Answer:
        form = parse_form(request)
        refusal = self._refusal(form, account)
        if refusal is not None:
            return refusal
        path = self._path(account, parts[0], form.fields.get("public_id", ""))
        if path is None or not path.is_file():
            return Answer.of({"result": "not found"})
        path.unlink()
        return Answer.of({"result": "ok"})

    def _ping(self, request: Request, account: Account, _parts: tuple[str, ...]) -> Answer:
        pair = base64.b64encode(f"{account.key}:{account.secret}".encode()).decode()
        if not hmac.compare_digest(request.head.get("authorization"), f"Basic {pair}"):
            return _error(401, "unknown api_key")
        return Answer.of({"status": "ok"})

    def _deliver(self, _request: Request, account: Account, parts: tuple[str, ...]) -> Answer:
        kind, name = parts
        stem, _, extension = name.rpartition(".")
        for public_id in (name, stem):
            path = self._path(account, kind, public_id)
            if path is not None and path.is_file():
                content = TYPES.get(extension, "application/octet-stream")
                return Answer(200, path.read_bytes(), {"Content-Type": content})
        return Answer(404, b"", {"X-Cld-Error": "Resource not found"})

    def _path(self, account: Account, kind: str, public_id: str) -> Path | None:
        """Return where an asset's bytes are; None for an id that leads out of its cloud."""
        root = (self.directory / account.cloud / kind).resolve()
        path = (root / public_id).resolve()
        return path if public_id and path.is_relative_to(root) and path != root else None


def _recognise(content: bytes) -> tuple[str, str]:
    for sign, extension, kind in SIGNS:
        if content.startswith(sign):
            return kind, extension
    return "raw", ""


def _data_uri(text: str) -> File | None:
    head, comma, data = text.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return File("file", base64.b64decode(data))


def _error(status: int, message: str) -> Answer:
    return Answer.of({"error": {"message": message}}, status)

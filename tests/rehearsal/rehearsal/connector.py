"""The pyinfra connector that brings the rehearsal world up, as ``@docker`` starts containers."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from pyinfra.api.exceptions import InventoryError

from handrail.engine.connectors import LOOK_ONLY, ControlConnector, Named
from rehearsal.binaries import find_browser
from rehearsal.layout import TARGETS, Layout
from rehearsal.lifecycle import ROOT


class RehearsalConnector(ControlConnector):
    """``@rehearsal/<name>``: a target of the world on this machine.

    The world lives in ``REHEARSAL_DIR``, or in ``.rehearsal`` under the current directory.
    """

    @staticmethod
    def make_names_data(name: str | None = None) -> Iterator[Named]:
        """Bring the world up, or attach to it, and yield one of its targets."""
        if name not in TARGETS:
            known = ", ".join(f"`@rehearsal/{target}`" for target in TARGETS)
            raise InventoryError(f"`@rehearsal/{name}` is no target; there are {known}")
        layout = Layout.usual()
        world = layout.read() or _bring_up(layout)
        yield name, host_data(layout, world, name), [name, "rehearsal"]


def _bring_up(layout: Layout) -> dict[str, Any]:  # Any: JSON
    if os.environ.get(LOOK_ONLY):
        raise InventoryError(
            "the rehearsal world is not up, and whoever asks needs no target of it"
        )
    # A process of its own: pyinfra has patched this one for gevent.
    command = [sys.executable, "-m", "rehearsal", "up", "--dir", str(layout.directory)]
    answer = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
    world = layout.read()
    if answer.returncode != 0 or world is None:
        raise InventoryError(f"the rehearsal world did not come up; read {layout.log}")
    return world


def host_data(layout: Layout, world: dict[str, Any], name: str) -> dict[str, Any]:  # Any: JSON
    """Return a target's host data: real addresses, and secrets by reference."""
    environment = "production" if name == "repository" else name

    def secret(key: str) -> str:
        return f"file:{layout.secret(environment, key)}"

    found = world["environments"][environment]
    cloudinary = world["cloudinary"]
    common = {
        "ledger": str(layout.directory / "ledger.sqlite"),
        "repository": {"path": str(layout.clone), "remote": "origin", "branch": "main"},
        "render": world["render"] | {"key": secret("render_key")},
        "python_version": platform.python_version(),  # a rehearsal has no other
    }
    websocket = found["channels_url"].replace("http", "ws", 1)
    if name == "repository":
        facts = {
            "api_url": found["web_url"],
            "ws_url": websocket,
            "web_url": found["web_url"],
            "channels_url": found["channels_url"],
            "frontend_url": found["frontend_url"],
            "contacts": "the person at this machine",
            "archive_branch": "archive/nodejs-backend",
            "python_version": platform.python_version(),
        }
        return common | {"facts": facts}
    return {
        **common,
        **found,
        "service_source": {"repo": str(layout.origin), "branch": "main"},
        "websocket_url": websocket,
        "browser": browser(),
        "allowed_hosts": "127.0.0.1,localhost",
        "source": secret("legacy_database"),
        "destination": secret("django_database"),
        "redis": secret("redis"),
        "cloudinary_variables": {
            "CLOUDINARY_CLOUD_NAME": cloudinary["clouds"][name],
            "CLOUDINARY_API_KEY": secret("cloudinary_key"),
            "CLOUDINARY_API_SECRET": secret("cloudinary_secret"),
            "CLOUDINARY_UPLOAD_PREFIX": cloudinary["api"],
        },
        "third_parties": {
            "Cloudinary": {
                "url": "{CLOUDINARY_UPLOAD_PREFIX}/v1_1/{CLOUDINARY_CLOUD_NAME}/ping",
                "user": "{CLOUDINARY_API_KEY}",
                "password": "{CLOUDINARY_API_SECRET}",
            },
        },
        "canaries": secret("canaries"),
        "alerts": secret("alerts"),
        "directory": str(layout.target(name)),
    }


def browser() -> dict[str, str]:
    """Return the browser of this machine as an inventory names it."""
    program = find_browser()
    return {"program": program} if program else {"absent": "this machine has no Chromium"}

"""What each deploy was started with: a fingerprint of the service's variables and settings.

Render shows what is stored for a service, not what a running process was started with. So each
deploy is noted with a keyed digest of what was stored when it began, in groups linked to it and in
secret files as well; the key lies in the same file, which only its owner reads.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.clients import private_folder
from handrail.clients.render import Deploy, Render, Service


@dataclass
class Deploys:
    """The deploys that were started from here, by their ids.

    Args:
        path: The file that remembers them.
    """

    path: Path
    key: str = ""
    started: dict[str, str] = field(default_factory=dict)  # deploy -> fingerprint
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)  # service -> what was asked for

    @classmethod
    def of(cls, directory: str) -> "Deploys":
        """Read what is noted in a target's folder."""
        path = Path(directory) / "deploys.json"
        noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(path, **noted)

    def fingerprint(self, render: Render, service: Service) -> str:
        """Return what stands for the variables and settings that are stored for a service."""
        if not self.key:
            self.key = secrets.token_hex(32)
            self._write()
        stored = {
            "variables": render.effective_vars(service.id),
            "files": render.secret_files(service.id),
            "settings": [
                *(service.build_command, service.start_command, service.health_check_path),
                *(service.root_dir, service.plan),
                *filter(None, [service.pre_deploy_command, service.docker_command]),
                *filter(None, [service.docker_context, service.dockerfile_path]),
            ],
        }
        text = json.dumps(stored, sort_keys=True).encode()
        return hmac.new(bytes.fromhex(self.key), text, hashlib.sha256).hexdigest()

    def carries(self, render: Render, service: Service, deploy: Deploy) -> bool:
        """Tell whether a deploy is known to have begun with what is stored now.

        One that was brought back began with what it had then; one that an attempt asked for, and
        that was killed before it knew the deploy's id, with what it noted before it asked.
        """
        stored = self.fingerprint(render, service)
        noted = self.started.get(deploy.id) or self.started.get(render.origin(service.id, deploy))
        return noted == stored or self.was_asked_for(service, deploy, stored)

    def ask_for(self, service: Service, commit: str, fingerprint: str, before: list[str]) -> None:
        """Note that a deploy is about to be started; it may be without an id for ever."""
        self.asked[service.id] = {"commit": commit, "with": fingerprint, "before": before}
        self._write()

    def note(self, service: Service, deploy: Deploy, fingerprint: str) -> None:
        """Note a deploy that was started."""
        self.started[deploy.id] = fingerprint
        self.asked.pop(service.id, None)
        self._write()

    def was_asked_for(self, service: Service, deploy: Deploy, fingerprint: str) -> bool:
        """Tell whether a deploy is the one that an interrupted attempt started, as things are."""
        asked = self.asked.get(service.id)
        return (
            asked is not None
            and deploy.id not in asked["before"]
            and (deploy.commit, fingerprint) == (asked["commit"], asked["with"])
        )

    def _write(self) -> None:
        noted = {"key": self.key, "started": self.started, "asked": self.asked}
        private_folder.write(self.path, json.dumps(noted, indent=1) + "\n")

"""Where gates are asked: a scripted application, real figures of Render, real databases."""

import json
import pkgutil
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module

from rehearsal.render.traffic import Passage

import operations
from handrail.engine import arguments as values
from handrail.engine.clause import ask
from handrail.engine.contract import Contract
from tests.clients.conftest import Reply, Wire
from tests.operations.cloud import cloud, unused
from tests.operations.laws import RUN

PASSWORD = "right-Passw0rd"
ADMIN = {"id": 1, "username": "admin", "role": "admin"}
HEALTHY = {"status": "healthy", "database": "ok", "redis": "ok", "celery": "ok"}
OUTCOMES = []


@cache
def gates():
    """Return the contract of every gate, found by import."""
    found = {}
    for module in pkgutil.iter_modules(operations.__path__, "operations."):
        for value in vars(import_module(module.name)).values():
            contract = getattr(value, "contract", None)
            if isinstance(contract, Contract) and contract.is_gate:
                found[contract.name] = contract
    return found


def outcome(gate, verdict):
    """Register a case of a gate: a function that sets the stage, asks, and returns the finding."""

    def register(case):
        OUTCOMES.append((gate, verdict, case))
        return case

    return register


class Stage:
    """A scripted application, and whatever else a case brings up."""

    def __init__(self, directory):
        """Let the known account in, and nobody else."""
        self.directory, self.stack = directory, ExitStack()
        self.app, self.hook = Wire(), Wire()
        self.stack.callback(self.app.close)
        self.stack.callback(self.hook.close)
        handler = self.app.server.RequestHandlerClass
        handler.do_OPTIONS = handler.do_GET
        for path, field in (("/api/v1/auth/login", "access"), ("/api/auth/login", "token")):
            self.app.on("POST", path, self.login(field))
        self.hook.on("POST", "/alert", Reply(200, {}))
        account = {"username": "admin", "password": PASSWORD, "role": "admin"}
        self.canaries = self.file("canaries", json.dumps([account]))
        self.alerts = self.file("alerts", f"{self.hook.url}/alert")
        self.seen_as = {
            "profile": "inventory/rotc.profile.yaml",
            "system": "django",
            "canaries": self.canaries,
        }
        self.stands_at = {"web_url": self.app.url, **self.seen_as}

    def file(self, name, text):
        """Write a secret, and return how an inventory names it."""
        (self.directory / name).write_text(text)
        return f"file:{self.directory / name}"

    def login(self, field):
        """Answer a login as either application does."""

        def answer(seen):
            if seen.json().get("password") != PASSWORD:
                return Reply(401, {"error": "unauthorized", "message": "no"})
            return Reply(200, {field: "token-of-admin", "user": ADMIN})

        return answer

    def ask(self, name, **plain):
        """Ask a gate once, as the engine does."""
        contract = gates()[name]
        return ask(contract.ensures, values.revive(contract, plain, "1", RUN))

    def alerted(self):
        """Return the alerts that arrived."""
        return [seen.json() for seen in self.hook.requests("POST", "/alert")]

    def served(self, *passages, minutes_ago=1.0):
        """Make a web service on Render through which requests went; return what names it.

        Args:
            passages: How many requests, with which status, in how many seconds.
            minutes_ago: When.
        """
        name = unused("watched")
        service = cloud().service(name, self.directory)
        cloud().add(service, deploy=False)
        self.stack.callback(cloud().remove, name)
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        for count, status, seconds in passages:
            for _ in range(count):
                passage = Passage(at, service.id, "host", "/", status, seconds)
                cloud().standin.workspace.traffic.add(passage)
        return {"render": cloud().inventory, "services": [name]}


def nowhere():
    """Return an address at which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"

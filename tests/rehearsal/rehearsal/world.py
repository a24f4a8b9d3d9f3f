"""The whole world as found before the cutover, held by one process."""

import asyncio
import json
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rehearsal import roles
from rehearsal.alerts import Alerts
from rehearsal.binaries import find_node
from rehearsal.cloudinary import Account, Cloudinary
from rehearsal.distance import Distance
from rehearsal.errors import WorldError
from rehearsal.filehost import FileHost
from rehearsal.layout import (
    DJANGO,
    ENVIRONMENTS,
    FRONTEND,
    KEEPALIVE,
    LEGACY,
    Layout,
    service_name,
    write_json,
    write_secret,
)
from rehearsal.node_packages import npm_settings
from rehearsal.origin import make_origin
from rehearsal.postgres import PostgresServer
from rehearsal.processes import start_time
from rehearsal.redis_server import RedisServer
from rehearsal.render.blueprints import Blueprint
from rehearsal.render.records import EnvVar, Json, Service
from rehearsal.render.settings import Clocks
from rehearsal.render.standin import StandIn, new_settings
from rehearsal.seed import fill

STAGING_ROWS = 200
LIVE_TIMEOUT_SECONDS = 180.0
LIVE_POLL_SECONDS = 0.1
ROUND_TRIP = "REHEARSAL_ROUND_TRIP_MS"  # between the operator and PostgreSQL, there and back
Say = Callable[[str], None]


class World:
    """Every server, database and service, up together and down together.

    Args:
        layout: Where it lives.
        rows: Rows of the production legacy database; staging gets a small one.
        say: Takes one line of progress.
    """

    def __init__(self, layout: Layout, rows: int, say: Say, clocks: Clocks | None = None) -> None:
        self.layout = layout
        self.rows = rows
        self.say = say
        self.clocks = clocks or Clocks()
        self.postgres = PostgresServer(layout.directory / "postgres")
        self.redis = RedisServer(layout.directory / "redis")
        self.accounts = {
            environment: Account(
                f"rotc-{environment}", str(secrets.randbelow(10**15)), secrets.token_urlsafe(20)
            )
            for environment in ENVIRONMENTS
        }
        accounts = list(self.accounts.values())
        self.cloudinary = Cloudinary(layout.directory / "cloudinary", accounts)
        self.filehost = FileHost()
        self.alerts = Alerts(layout.directory / "alerts.jsonl")
        self.render: StandIn | None = None
        self.distance: Distance | None = None

    async def hold(self) -> None:
        """Bring everything up, and keep it up until a signal asks for the end."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for which in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(which, ended.set)
        boot = asyncio.create_task(self.start())
        end = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait({boot, end}, return_when=asyncio.FIRST_COMPLETED)
            if boot.done():
                boot.result()
                await end
        except WorldError:
            self.say("The rehearsal world did not come up; stopping what did")
            raise
        finally:
            boot.cancel()
            await asyncio.wait({boot})
            await self.stop()

    async def start(self) -> None:
        """Bring everything up in order, saying what is up and how long it took."""
        began = time.monotonic()
        self._timed("PostgreSQL", self.postgres.start, lambda: self.postgres.source)
        self._note_supervisor()
        if round_trip := float(os.environ.get(ROUND_TRIP, "0")):
            self.distance = Distance(self.postgres.port, round_trip / 2000)
            self.distance.start()
            self.say(f"PostgreSQL is {round_trip:g} ms away for the operator")
        self._timed("Redis", self.redis.start, lambda: self.redis.source)
        layout = self.layout
        self._timed("The repository", lambda: make_origin(layout.origin, layout.clone))
        await self.cloudinary.start()
        await self.filehost.start()
        await self.alerts.start()
        await self._fill_databases()
        self.render = await self._start_render()
        await self._start_services(self.render)
        self._write_secrets(self.render)
        write_json(self.layout.description, self._describe(self.render))
        self.say(f"The rehearsal world is up ({time.monotonic() - began:.1f} s)")

    async def stop(self) -> None:
        """Stop everything, the services before the servers they use."""
        self.layout.description.unlink(missing_ok=True)
        if self.render is not None:
            await self.render.stop()
        for outside in (self.cloudinary, self.filehost, self.alerts):
            outside.stop()
        self.redis.stop()
        if self.distance is not None:
            self.distance.stop()
        self.postgres.stop()
        self.layout.supervisor.unlink(missing_ok=True)
        self.say("The rehearsal world is down")

    def _timed(self, what: str, act: Callable[[], None], more: Callable[[], str] = str) -> None:
        began = time.monotonic()
        act()
        origin = f", {more()}" if more() else ""
        self.say(f"{what} is up ({time.monotonic() - began:.1f} s{origin})")

    def _note_supervisor(self) -> None:
        """Say who holds the world, and what to remove should it be killed."""
        pid = os.getpid()
        write_json(
            self.layout.supervisor,
            {
                "pid": pid,
                "started": start_time(pid),
                "scratch": [str(path) for path in self.postgres.scratch],
            },
        )

    async def _fill_databases(self) -> None:
        began = time.monotonic()
        for environment in ENVIRONMENTS:
            rows = STAGING_ROWS if environment == "staging" else self.rows
            roles.create_owned(self.postgres, f"django_{environment}")
            url = roles.create_owned(self.postgres, f"legacy_{environment}")
            canaries = await asyncio.to_thread(fill, url, rows, self.filehost.url)
            roles.let_use(self.postgres, f"legacy_{environment}", f"node_{environment}")
            write_secret(self.layout.secret(environment, "canaries"), json.dumps(canaries))
            self.layout.target(environment).mkdir(parents=True)
        self.say(f"The legacy databases are filled ({time.monotonic() - began:.1f} s)")

    async def _start_render(self) -> StandIn:
        node = find_node()
        binaries = self.layout.directory / "bin"
        binaries.mkdir()
        (binaries / "node").symlink_to(node.node)
        for name in ("npm", "npx"):
            script = binaries / name
            program = node.npm_cli.with_name(f"{name}-cli.js")
            line = f'exec {shlex.quote(str(node.node))} {shlex.quote(str(program))} "$@"'
            script.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            script.chmod(0o755)
        path = os.pathsep.join([
            str(Path(sys.executable).parent), str(binaries), "/usr/local/bin", "/usr/bin", "/bin",
        ])  # fmt: skip
        build_env = await asyncio.to_thread(npm_settings, node, self.say)
        render = StandIn(
            new_settings(
                self.layout.directory / "render",
                path=path, build_env=build_env, clocks=self.clocks, owner_name="ROTC (rehearsal)",
                enforce_rate_limits=True, inside=self._inside(),
            )
        )  # fmt: skip
        await render.start()
        self.say(f"The Render stand-in is up; Node is {node.source}")
        return render

    async def _start_services(self, render: StandIn) -> None:
        began = time.monotonic()
        first: list[tuple[str, str]] = []
        for environment in ENVIRONMENTS:
            for name in (*DJANGO.values(), LEGACY, FRONTEND):
                render.front.reserve(service_name(environment, name))
            for service in self._services(render, environment):
                deploy_id = await render.services.add(service, deploy=service.type != "cron_job")
                if deploy_id:
                    first.append((service.id, deploy_id))
        for service_id, deploy_id in first:
            await self._wait_live(render, service_id, deploy_id)
        # The default when one is made: render.yaml is synced at every push.
        render.blueprints.attach(Blueprint("rotc", str(self.layout.origin)))
        self.say(f"The Node services and the frontends are live ({time.monotonic() - began:.1f} s)")

    async def _wait_live(self, render: StandIn, service_id: str, deploy_id: str) -> None:
        deadline = time.monotonic() + LIVE_TIMEOUT_SECONDS
        deploy = render.workspace.deploy(service_id, deploy_id)
        while deploy is not None and deploy.finished_at is None:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(LIVE_POLL_SECONDS)
        if deploy is None or deploy.status != "live":
            running = render.workspace.services[service_id]
            raise WorldError(
                f"`{running.service.name}` did not become live",
                f"its first deploy is {deploy.status if deploy else 'gone'}; "
                f"its last lines: {render.workspace.logbook.tail(service_id)}",
                f"read {self.layout.log}",
            )

    def _services(self, render: StandIn, environment: str) -> list[Service]:
        """Return an environment's services as its people left them."""
        legacy_url = render.front.address(service_name(environment, LEGACY))
        frontend_url = render.front.address(service_name(environment, FRONTEND))
        common: Json = {"owner_id": render.settings.owner_id, "repo": str(self.layout.origin)}
        legacy = Service(
            "web_service", service_name(environment, LEGACY), **common,
            runtime="node", build_command="cd server && npm ci",
            start_command="node server/index.js", health_path="/health",
            env=[
                EnvVar("NODE_VERSION", "20.20.2"),
                EnvVar("DATABASE_URL", self._address(environment, "legacy", "node")),
                EnvVar("JWT_SECRET", secrets.token_urlsafe(32)),
                EnvVar("FRONTEND_URL", frontend_url),
            ],
        )  # fmt: skip
        frontend = Service(
            "static_site", service_name(environment, FRONTEND), **common,
            build_command="cd client && npm install && npm run build", publish_path="client/dist",
            env=[EnvVar("VITE_API_URL", legacy_url)],
            routes=[{"type": "rewrite", "source": "/*", "destination": "/index.html"}],
        )  # fmt: skip
        keepalive = Service(
            "cron_job", service_name(environment, KEEPALIVE), **common,
            runtime="node", schedule="*/10 * * * *", build_command="true",
            start_command=f"curl --fail --silent --show-error {legacy_url}/health",
        )  # fmt: skip
        return [legacy, frontend, keepalive]

    def _address(self, environment: str, database: str, role: str) -> str:
        """Return the URL of a database for one of its roles, none of which is a superuser."""
        return self.postgres.url(f"{database}_{environment}", f"{role}_{environment}")

    def _inside(self) -> tuple[str, str] | None:
        """Return the place of PostgreSQL for the operator, and the one for services beside it."""
        if self.distance is None:
            return None
        return f"127.0.0.1:{self.distance.port}/", f"127.0.0.1:{self.postgres.port}/"

    def _far(self, environment: str, database: str) -> str:
        """Return the URL by which the operator reaches a database."""
        url = self._address(environment, database, database)
        inside = self._inside()
        return url.replace(inside[1], inside[0]) + "?sslmode=disable" if inside else url

    def _write_secrets(self, render: StandIn) -> None:
        for number, environment in enumerate(ENVIRONMENTS):
            account = self.accounts[environment]
            values = {
                "render_key": render.settings.key,
                "legacy_database": self._far(environment, "legacy"),
                "django_database": self._far(environment, "django"),
                "redis": self.redis.url(number),
                "cloudinary_key": account.key,
                "cloudinary_secret": account.secret,
                "alerts": self.alerts.url,
            }
            for name, value in values.items():
                write_secret(self.layout.secret(environment, name), value)

    def _describe(self, render: StandIn) -> Json:
        """Return what may be told of the running world; secrets only by their files."""
        environments: Json = {}
        for environment in ENVIRONMENTS:
            names = {key: service_name(environment, name) for key, name in DJANGO.items()}
            urls = {
                "legacy_url": service_name(environment, LEGACY),
                "frontend_url": service_name(environment, FRONTEND),
                "web_url": names["web"],
                "channels_url": names["channels"],
            }
            environments[environment] = {
                "services": names,
                "legacy_service": service_name(environment, LEGACY),
                "keepalive_service": service_name(environment, KEEPALIVE),
                "frontend_service": service_name(environment, FRONTEND),
                **{key: render.front.address(name) for key, name in urls.items()},
            }
        return {
            "directory": str(self.layout.directory),
            "pid": os.getpid(),
            "rows": self.rows,
            "postgres_binaries": str(self.postgres.binaries),
            "render": {"api": render.url, "owner": render.settings.owner_id},
            "cloudinary": {
                "api": self.cloudinary.url,
                "clouds": {name: account.cloud for name, account in self.accounts.items()},
            },
            "filehost": self.filehost.url,
            "alerts_url": self.alerts.url,
            "environments": environments,
        }

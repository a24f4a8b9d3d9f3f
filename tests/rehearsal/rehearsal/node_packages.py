"""The package cache that Node builds are restored from, as Render restores its own."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from rehearsal.binaries import NodeBinaries
from rehearsal.errors import WorldError

ROOT = Path(__file__).resolve().parents[3]
LOCKED = ROOT / "tests" / "rehearsal" / "rehearsal" / "repo" / "server"
CACHE = ROOT / ".tools" / "npm-cache"


def _npm(node: NodeBinaries, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(node.node.parent), os.environ.get("PATH", os.defpath)])
    return subprocess.run(
        [str(node.node), str(node.npm_cli), *arguments],
        cwd=cwd, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def npm_settings(node: NodeBinaries, say: Callable[[str], None]) -> dict[str, str]:
    """Return npm's settings for offline builds, filling the cache first when it is not full.

    Raises:
        WorldError: the packages of the lock could not be fetched.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".filling").open("w") as filling:
        fcntl.flock(filling, fcntl.LOCK_EX)  # worlds that come up at once fill it once
        _fill(node, say)
    # The cache is keyed by address, so builds name the registry it was filled from.
    registry = _npm(node, "config", "get", "registry", cwd=ROOT).stdout.strip()
    return {"npm_config_cache": str(CACHE), "npm_config_registry": registry}


def _fill(node: NodeBinaries, say: Callable[[str], None]) -> None:
    digest = hashlib.sha256((LOCKED / "package-lock.json").read_bytes()).hexdigest()
    stamp = CACHE / ".filled"
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    say("Fetching the legacy app's packages into .tools/npm-cache (npm ci)")
    scratch = CACHE / "fill"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        if (LOCKED / name).exists():
            shutil.copy(LOCKED / name, scratch / name)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", f"--cache={CACHE}")
    answer = _npm(node, "ci", *options, cwd=scratch)
    if answer.returncode != 0:
        raise WorldError(
            "the legacy app's packages were not fetched",
            answer.stderr.strip().rpartition("\n")[2] or "npm ci failed",
            f"run npm ci --ignore-scripts in {LOCKED.relative_to(ROOT)} and read its output",
        )
    shutil.rmtree(scratch)
    stamp.write_text(digest, encoding="ascii")

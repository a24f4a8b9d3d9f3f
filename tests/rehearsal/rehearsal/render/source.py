"""The repository a service is built from: its commits, checked out into builds."""

import asyncio
import fnmatch
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rehearsal.render.identity import stamp
from rehearsal.render.records import Json, Service


class SourceError(Exception):
    """Git could not do what a deploy needs; the text is git's own."""


@dataclass(frozen=True)
class Source:
    """A local repository, as a path or a ``file://`` address."""

    repo: str

    async def head(self, branch: str) -> str | None:
        """Return the commit a branch points at; None when there is no such branch."""
        try:
            return await self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        except SourceError:
            return None

    async def commit(self, revision: str) -> Json | None:
        """Describe a commit as a deploy shows it; None when the repository has no such one."""
        try:
            text = await self._git(
                "show", "--no-patch", "--format=%H%x00%cI%x00%B", f"{revision}^{{commit}}"
            )
        except SourceError:
            return None
        sha, created, message = text.split("\0", 2)
        created_at = stamp(datetime.fromisoformat(created))
        return {"id": sha, "message": message.strip(), "createdAt": created_at}

    async def read(self, revision: str, path: str) -> str | None:
        """Return a file as it is at a commit; None where it is not there."""
        try:
            return await self._git("show", f"{revision}:{path}")
        except SourceError:
            return None

    async def changes(self, old: str, new: str, service: Service) -> bool:
        """Say whether a service's files changed between two commits."""
        names = (await self._git("diff", "--name-only", old, new)).splitlines()
        if service.root_dir:
            names = [name for name in names if name.startswith(f"{service.root_dir}/")]
        filters = service.build_filter or {}
        wanted, ignored = filters.get("paths") or ["*"], filters.get("ignoredPaths") or []
        return any(
            any(fnmatch.fnmatch(name, pattern) for pattern in wanted)
            and not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
            for name in names
        )

    async def check_out(self, sha: str, destination: Path) -> None:
        """Clone the repository and check one commit out."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        await self._git("clone", "--quiet", "--no-checkout", self._path, str(destination))
        await run_git("-C", str(destination), "checkout", "--quiet", "--detach", sha)

    @property
    def _path(self) -> str:
        return self.repo.removeprefix("file://")

    async def _git(self, *arguments: str) -> str:
        return await run_git("-C", self._path, *arguments)


async def run_git(*arguments: str) -> str:
    """Run git without the operator's own configuration; return what it printed.

    Raises:
        SourceError: git is missing or failed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "git", *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1",
                 "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_COUNT": "1",
                 "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"},
        )  # fmt: skip
    except OSError as error:
        raise SourceError(str(error)) from None
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:  # whoever wanted to know was cancelled
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise SourceError(err.decode(errors="replace").strip() or "git failed")
    return out.decode(errors="replace").strip()

"""Run a program that nobody vouches for: no network, no home, one folder to write to, bounds."""

import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

SECONDS, MEMORY_KILOBYTES, FILE_BLOCKS = 30, 2_000_000, 4096
NET = ("unshare", "--user", "--map-root-user", "--net")
# Every file system becomes read-only but one folder, and the home an empty one, in which only the
# folders of the interpreter are there. $1 is the folder, $2 the home, $3 what to keep, by colons.
WALLS = """set -e
folder=$1 home=$2 kept=$3; shift 3
mount --make-rprivate /
mount --bind "$folder" "$folder"
if [ -d "$home" ] && [ "$home" != / ]; then
  IFS=:; n=0
  for each in $kept; do
    n=$((n + 1)); mkdir -p "$folder/.kept/$n"; mount --bind "$each" "$folder/.kept/$n"
  done
  mount -t tmpfs -o size=1m tmpfs "$home"
  n=0
  for each in $kept; do
    n=$((n + 1)); mkdir -p "$each"; mount --bind "$folder/.kept/$n" "$each"
  done
  unset IFS
fi
mount -o remount,bind,ro /
[ ! -w /tmp ] && [ ! -w /var/tmp ]
cd "$folder"
exec "$@"
"""
BOUNDS = (
    f"ulimit -t {SECONDS}; ulimit -v {MEMORY_KILOBYTES}; ulimit -f {FILE_BLOCKS}; ulimit -c 0; "
    'exec "$@"'
)


def run(
    command: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command inside the walls that this machine can put up, to its end.

    Where the kernel lets no user make namespaces, only the bounds and the empty environment are
    left.

    Args:
        command: Program and arguments.
        folder: Where it runs, and the one place it may write to.
        environment: All that it is told; nothing of ours is passed on.

    Raises:
        subprocess.TimeoutExpired: it took longer than 30 s.
    """
    walls = next(each for each in _walls(folder) if _stand(len(each)))
    return _run([*walls, "/bin/sh", "-c", BOUNDS, "sh", *command], folder, environment)


def _walls(folder: Path) -> list[list[str]]:
    """Return what may stand before a command, the safest first."""
    home = Path.home()
    inside = [place for place in {sys.prefix, sys.base_prefix} if Path(place).is_relative_to(home)]
    apart = [*NET, "--mount", "--pid", "--fork", "--kill-child", "--", "/bin/sh", "-c", WALLS, "sh"]
    return [[*apart, str(folder), str(home), ":".join(inside)], [*NET, "--"], []]


@cache
def _stand(length: int) -> bool:
    """Tell whether this machine can put up the walls of that many words."""
    with tempfile.TemporaryDirectory(prefix="handrail-sandbox-") as place:
        walls = next(each for each in _walls(Path(place)) if len(each) == length)
        with suppress(OSError, subprocess.TimeoutExpired):
            answer = _run([*walls, sys.executable, "-I", "-c", ""], Path(place), {})
            return answer.returncode == 0 or not walls
    return not walls


def _run(
    command: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", **environment},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=False,
    )

"""What the checkout as a whole promises: no strange hosts, no machine paths, a set-up that fits."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def tracked() -> list[Path]:
    """Return the files git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def answered(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment over the project."""
    command = [sys.executable, "-m", tool, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_lock_files_name_no_host_but_the_public_index():
    """A lock made on one machine installs on every other."""
    uv = (ROOT / "uv.lock").read_text(encoding="utf-8")
    indexes = set(re.findall(r'registry = "([^"]+)"', uv))
    files = set(re.findall(r'url = "(\w+://[^/"]+)', uv))
    assert (len(indexes), len(files)) == (1, 1)  # uv's own default, and where it keeps its files
    for address in indexes | files:
        assert re.match(r"https://[a-z]+(\.[a-z]+)+(/simple)?$", address), address
    locks = ("tests/rehearsal/rehearsal/repo/server", "tests/protocol")
    npm = "".join((ROOT / each / "package-lock.json").read_text("utf-8") for each in locks)
    assert '"resolved"' not in npm
    assert "file:" not in uv + npm


def test_the_set_up_installs_only_declared_groups():
    """`run` asks uv for groups that pyproject.toml has."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = set(re.findall(r'groups(?: = \[|\.append\()"(\w+)"', (ROOT / "run").read_text()))
    assert asked == {"rehearsal", "postgres", "redis", "node", "dev"}
    assert asked <= groups["dependency-groups"].keys()


def test_the_bootstrap_needs_the_standard_library_only():
    """A fresh machine has python3 and nothing else."""
    text = (ROOT / "run").read_text(encoding="utf-8")
    names = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert names <= {"os", "re", "shutil", "subprocess", "sys", "pathlib"}


def test_strict_types_hold():
    """`mypy --strict` is clean on everything but the tests."""
    answer = answered("mypy")
    assert answer.returncode == 0, answer.stdout


def test_ruff_is_clean():
    """Every rule is selected, and each that is left out says why on its line."""
    answer = answered("ruff", "check", "--quiet")
    assert answer.returncode == 0, answer.stdout


def test_a_commit_is_held_to_the_same_tools():
    """What `.pre-commit-config.yaml` runs is there, and keeps off the rehearsed application."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    for entry in entries:
        assert Path(sys.executable).with_name(Path(entry.split()[0]).name).is_file(), entry
    app = next(
        path for path in tracked() if "rehearsal/repo/" in str(path) and path.suffix == ".py"
    )
    assert answered("ruff", "check", "--select=ALL", str(app)).returncode == 0


def test_nothing_is_there_that_nobody_calls():
    """What only its own tests call is weeded; what a library reads by name is listed."""
    answer = answered("vulture")
    assert answer.returncode == 0, answer.stdout


def test_the_readme_is_short():
    """A stranger reads it in one go: under 150 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_nothing_tracked_is_a_run_s_own_file():
    """Ledgers, worlds and caches stay out of git."""
    names = {str(path.relative_to(ROOT)) for path in tracked()}
    private = re.compile(r"(^|/)(\.rehearsal|\.tools|\.venv|node_modules|__pycache__)/|ledgers/")
    assert not [name for name in names if private.search(name)]

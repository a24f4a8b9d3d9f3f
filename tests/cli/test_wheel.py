"""The wheel: what is in it, and that it works beside a project with folders of any name."""

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.cli.project import Project

ROOT = Path(__file__).parents[2]


def built(folder):
    """Build the wheel, with the backend that is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed(wheel, folder):
    """Install the wheel in an empty virtual environment; return where its programs are."""
    place = folder / "venv"
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(place)],
        [uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), str(wheel)],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return place / "bin"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    """The programs of an environment that holds it."""
    return installed(wheel, tmp_path_factory.mktemp("installed"))


def test_the_wheel_holds_the_library_and_nothing_else(wheel):
    """One top-level name; steps of the first plan, types, licence and the template within."""
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"handrail"}
    for name in ("py.typed", "operations/env.py", "cli/project/runbooks/publish.py.txt"):
        assert f"handrail/{name}" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "/tests/test_" in name and name.endswith(".py")]


def test_the_wheel_says_what_it_is_and_where_it_runs(wheel):
    """Licence, Pythons, the extras, and its programs."""
    with zipfile.ZipFile(wheel) as file:
        (info,) = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        told = Parser().parsestr(file.read(info).decode())
        points = file.read(info.replace("METADATA", "entry_points.txt")).decode()
    assert (told["Name"], told["License-Expression"]) == ("handrail", "MIT")
    assert told["Requires-Python"] == "<3.15,>=3.11"
    pythons = {
        each.rpartition(" ")[2] for each in told.get_all("Classifier") if "Python :: 3." in each
    }
    assert pythons == {"3.11", "3.12", "3.13", "3.14"}
    assert {"testing", "cluster"} <= set(told.get_all("Provides-Extra"))
    for point in (
        "handrail = handrail.cli",
        "control = handrail.engine",
        "handrail.testing.plugin",
    ):
        assert point in points


@pytest.fixture
def project(programs, tmp_path):
    """Make a project whose folders have the names that this checkout has, too."""
    folder = tmp_path / "night"
    made = Project(tmp_path, programs).run("handrail", "new", str(folder))
    assert made.returncode == 0, made.stdout
    (folder / "steps").rename(folder / "operations")
    for path in (folder / "runbooks" / "publish.py", folder / "tests" / "test_steps.py"):
        path.write_text(path.read_text().replace("steps import", "operations import"))
    for name in ("tests", "state"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").write_text(f'"""The project\'s own {name}."""\n')
    return Project(folder, programs)


def test_a_project_with_folders_of_the_same_names_runs_on_the_wheel(project):
    """Forward, killed, resumed and back, on its own `operations/`, beside the wheel's."""
    project.there_and_back()

    steps = "import handrail.operations.env, operations.motd; print(operations.motd.__file__)"
    where = project.run("python", "-c", steps)
    assert where.stdout.strip() == str(project.folder / "operations" / "motd.py")

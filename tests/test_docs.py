"""The pages of `docs/` and the README's example do what they say, typed as they stand."""

import re
import sys
from pathlib import Path

import pytest

from handrail.testing import Lab
from tests.cli.project import Project

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
BLOCK = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^    (\S[^\n]*)$", re.MULTILINE)


def parts(page):
    """Yield what a page says to do, in its order: a file with its text, or a command."""
    rest = 0
    for block in [*BLOCK.finditer(page), None]:
        end = block.start() if block else len(page)
        for command in COMMAND.findall(page, rest, end):
            yield command, None
        if block:
            yield block[1], block[2]
            rest = block.end()


def typed(page, folder):
    """Write each file of a page and type each command; return what each command said."""
    project, said = Project(folder, PROGRAMS), {}
    for what, text in parts(page):
        if text is not None:
            (project.folder / what).write_text(text)
        elif what.startswith("cd "):
            project = Project(folder / what.removeprefix("cd "), PROGRAMS)
        else:
            done = project.run("sh", "-c", what)
            assert done.returncode == 0, f"{what}\n{done.stdout[-4000:]}"
            said[what] = done.stdout
    return said


@pytest.mark.parametrize("name", ["write-a-step.md", "write-a-runbook.md"])
def test_a_page_does_what_it_says(name, tmp_path):
    """Every file and every command of it, in a folder of its own."""
    said = typed((ROOT / "docs" / name).read_text(encoding="utf-8"), tmp_path)
    assert len(said) > 1
    if name == "write-a-runbook.md":
        assert (
            "of east: folder="
            in said["pyinfra inventory/pair.py runbooks/pair.py --dry --data diff=1"]
        )
        assert not list((tmp_path / "night").glob("east/*"))
    else:
        assert " passed" in said["python -m pytest"]


def test_the_step_in_the_readme_runs_as_pasted(tmp_path):
    """Into a module, called by a runbook, there and back."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Write a step")[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    (tmp_path / "pasted.py").write_text(code)
    with Lab(tmp_path / "lab", path=[tmp_path]) as lab:
        lab.runbook("import pasted", 'pasted.write(task="1", path=room + "/note", text="hello")')
        ran = lab.run()
        assert ran.code == 0, ran.said
        assert lab.read("note") == "hello"
        assert lab.roll_back().code == 0
        assert lab.read("note") is None

"""Other engines at the same work: Ansible with and without mitogen, DBOS, Luigi.

Each lives in an environment of its own under `.tools/bench`, made from PyPI at the first run. Where
that does not work, its lines say so. Each gets the way its documentation recommends for work that
may be interrupted: Ansible a `creates:`, DBOS a step, Luigi a target.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.bench.measure import say
from tests.bench.project import Case, Project

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".tools" / "bench"
FORKS = 10  # targets that Ansible takes at a time

DBOS = """
import subprocess
import sys
from pathlib import Path

from dbos import DBOS

DBOS(config={{"name": "bench", "system_database_url": "sqlite:///dbos.sqlite",
             "run_admin_server": False, "log_level": "CRITICAL"}})


@DBOS.step()
def by_call(room, number):
    {call}


@DBOS.step()
def by_shell(room, number):
    subprocess.run(["sh", "-c", {shell}], check=True)


@DBOS.workflow()
def whole(room):
    for number in range({steps}):
        {kind}(room, number)


if __name__ == "__main__":
    DBOS.launch()
    from dbos import SetWorkflowID
    handles = []
    for room in {rooms}:
        with SetWorkflowID(room):
            handles.append(DBOS.start_workflow(whole, room))
    for handle in handles:
        handle.get_result()
    DBOS.destroy()
"""
LUIGI = """
import subprocess
from pathlib import Path

import luigi


class Step(luigi.Task):
    room = luigi.Parameter()
    number = luigi.IntParameter()

    def requires(self):
        return [Step(self.room, self.number - 1)] if self.number else []

    def output(self):
        return luigi.LocalTarget(f"{{self.room}}/{{self.number}}")

    def by_call(self):
        room, number = self.room, self.number
        {call}

    def by_shell(self):
        room, number = self.room, self.number
        subprocess.run(["sh", "-c", {shell}], check=True)

    def run(self):
        self.{kind}()


if __name__ == "__main__":
    luigi.build([Step(room, {steps} - 1) for room in {rooms}], local_scheduler=True,
                log_level="CRITICAL")
"""
CALL = "Path(room, str(number)).touch()"
SHELL = 'f"touch {room}/{number}"'
# An act that may happen once, and leaves a trace of each time that it did.
ONCE_CALL = (
    'open(f"{room}/journal", "a").write(f"{number}\\n"); '
    "__import__('time').sleep(0.002); Path(room, str(number)).touch()"
)
ONCE_SHELL = 'f"echo {number} >> {room}/journal; sleep 0.002; touch {room}/{number}"'


@dataclass(frozen=True)
class Other:
    """An engine, and what it needs."""

    name: str
    packages: tuple[str, ...]
    mitogen: bool = False

    @property
    def home(self) -> Path:
        """Return its environment."""
        return HOME / self.packages[0].partition("=")[0]

    @cache  # noqa: B019  there are four of them
    def missing(self) -> str:
        """Return why it cannot be measured; empty where it can."""
        if (self.home / "made").exists():
            return ""
        say(f"installing {', '.join(self.packages)} into {self.home}")
        uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
        python = str(self.home / "bin" / "python")
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(self.home)],
            [uv, "pip", "install", "--quiet", "--python", python, *self.packages],
        ):
            try:
                subprocess.run(command, check=True, capture_output=True, text=True)
            except (OSError, subprocess.CalledProcessError) as error:
                told = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
                return f"{self.name} is not installable here: {told[-1] if told else error}"
        (self.home / "made").touch()
        return ""

    def prepare(self, project: Project, *, once: bool = False) -> None:
        """Write what it runs into a project's folder."""
        case, call, shell = project.case, CALL, SHELL
        if once:
            call, shell = ONCE_CALL, ONCE_SHELL
        rooms = [str(room) for room in project.rooms]
        if self.name in ("DBOS", "Luigi"):
            text = DBOS if self.name == "DBOS" else LUIGI
            said = text.format(call=call, shell=shell, kind=case.kind, steps=case.steps,
                               rooms=rooms)  # fmt: skip
            (project.folder / f"{self.name}.py").write_text(said)
            return
        python = f"ansible_connection=local ansible_python_interpreter={self.home}/bin/python"
        lines = [f"{room.name} {python} room={room}\n" for room in project.rooms]
        (project.folder / "hosts").write_text("".join(lines))
        tasks = "".join(self._task(case, number, once=once) for number in range(case.steps))
        (project.folder / "play.yml").write_text(
            f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"
        )

    def _task(self, case: Case, number: int, *, once: bool) -> str:
        if once:
            made = f"{{{{ room }}}}/{number}"
            line = f"echo {number} >> {{{{ room }}}}/journal; sleep 0.002; touch {made}"
            return f'  - shell: {{cmd: "{line}", creates: "{made}"}}\n'
        if case.kind == "by_shell":
            return f"  - shell: touch {{{{ room }}}}/{number}\n"
        return f'  - file: {{path: "{{{{ room }}}}/{number}", state: touch}}\n'

    def command(self) -> list[str]:
        """Return its command line."""
        if self.name in ("DBOS", "Luigi"):
            return [str(self.home / "bin" / "python"), f"{self.name}.py"]
        return [str(self.home / "bin" / "ansible-playbook"), "--forks", str(FORKS), "-i", "hosts",
                "play.yml"]  # fmt: skip

    def environment(self) -> dict[str, str]:
        """Return its variables."""
        own = {"PATH": f"{self.home / 'bin'}:{os.environ['PATH']}", "HOME": os.environ["HOME"]}
        if self.mitogen:
            plugins = next(self.home.glob("lib/python*/site-packages/ansible_mitogen/plugins"))
            own |= {"ANSIBLE_STRATEGY_PLUGINS": f"{plugins}/strategy",
                    "ANSIBLE_STRATEGY": "mitogen_linear"}  # fmt: skip
        return own

    def start(self, project: Project) -> subprocess.Popen[bytes]:
        """Start it in a session of its own."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            self.command(), cwd=project.folder, env=self.environment(), stdin=quiet, stdout=quiet,
            stderr=quiet, start_new_session=True,
        )  # fmt: skip


ANSIBLE = ("ansible-core==2.19.*", "mitogen")
OTHERS = (
    Other("Ansible", ANSIBLE),
    Other("Ansible with mitogen", ANSIBLE, mitogen=True),
    Other("DBOS", ("dbos==3.4.*",)),
    Other("Luigi", ("luigi",)),
)

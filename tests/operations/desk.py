"""An operator's folder: an inventory, a runbook of a few real steps, and the real command line."""

import atexit
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from runpy import run_path

import psycopg

from handrail.testing.forking import Warm
from handrail.testing.lab import PYINFRA, ROLLBACK, Ran
from tests.clients.conftest import MARK
from tests.operations.clones import Clone, git
from tests.operations.cloud import WORKER, cloud, unused
from tests.operations.databases import MAPPING, Databases, server

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "inventory"
HEADER = """
from operations import backup, data, env, freeze, package_json, smoke, verify
from handrail.engine import begin
from operations.targets import NEEDS

here = begin(NEEDS)
"""
SCRIPTS = """
package_json.put_scripts(
    task="2.2", name="Set the scripts", on="repository", repository=here.repository,
    path="package.json", scripts=here.package_scripts, remove=here.package_scripts_to_remove,
)
"""
VARIABLES = """
env.put(
    task="3.3", name="Set the addresses", on="system", render=here.render,
    services=[here.legacy_service, here.frontend_service],
    variables={"DATABASE_URL": here.destination, "REDIS_URL": here.redis},
)
"""
FREEZE = """
freeze.writes(task="9.0.2", name="Stop writes on the legacy database", on="production")
"""
FITS = """
verify.mapping_fits(
    task="8.1", name="Hold the mapping against both databases", on="production",
    source=here.source, destination=here.destination, mapping=here.mapping,
)
"""
HEALTH = """
smoke.health(
    task="4.1", name="See database, Redis and Celery healthy", on="production",
    web_url=here.web_url, profile=here.profile, system="django", canaries=here.canaries,
    timeout_seconds=0.3, poll_seconds=0.1,
)
"""
CALLS = {"2.2": SCRIPTS, "3.3": VARIABLES, "9.0.2": FREEZE, "8.1": FITS, "4.1": HEALTH}


class Forking(Warm):
    """A process that forks for each command; see `warm` and `known`."""

    def __init__(self, program):
        """Start it where the project is."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.operations.{program}"],
            cwd=ROOT,
            env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.end)


@cache
def forking(program="known"):
    """Return the one process that forks and is this program."""
    return Forking(program)


def run_in(folder, *arguments):
    """Run a command of pyinfra's in a folder that holds a whole project."""
    said = folder.with_name("said")
    said.write_text("")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return Ran(forking("warm").run([str(PYINFRA), *arguments], folder, env, said), said.read_text())


class Desk:
    """An environment named `desk`, whose world is real: a clone, databases, services on Render."""

    def __init__(self, folder, stack):
        """Bring the world up, and describe it as inventory/prod.py does."""
        self.folder = folder
        self.clone = Clone(folder)
        self.stack, self.databases = stack, None
        self.services = [unused("desk"), unused("desk")]
        for name in self.services:
            cloud().add(cloud().service(name, self.clone.origin, WORKER), deploy=False)
        stack.callback(cloud().remove, *self.services)
        common = run_path(str(INVENTORY / "group_data" / "all.py"))
        self.common = {key: common[key] for key in common if not key.startswith("__")} | {
            "environment": "desk",
            "ledger": str(folder / "memory" / "desk.sqlite"),
            "mapping": str(MAPPING),
            "profile": str(INVENTORY / "rotc.profile.yaml"),
            "render": cloud().inventory,
            "repository": self.clone.inventory,
        }
        described = run_path(str(INVENTORY / "prod.py"))
        self.hosts = {
            "repository": described["repository"][0][1],
            "production": described["production"][0][1]
            | {
                "service_source": {"repo": str(self.clone.origin), "branch": "main"},
                "legacy_service": self.services[0],
                "frontend_service": self.services[1],
                "source": self.secret("legacy", f"postgresql://{MARK}@127.0.0.1:1/x"),
                "destination": self.secret("django", f"postgresql://{MARK}@127.0.0.1:1/y"),
                "redis": self.secret("redis", f"redis://:{MARK}-redis@127.0.0.1:1/0"),
                "directory": str(folder / "evidence"),
            },
        }
        self.env = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        self.runbook("2.2", "3.3")

    def with_databases(self):
        """Let the inventory name real databases: only some runbooks reach for them."""
        self.databases = Databases(self.folder)
        self.stack.callback(self.databases.close)
        for name, side in (("source", "legacy"), ("destination", "django")):
            self.hosts["production"][name] = self.databases.reference(side)

    def secret(self, name, value):
        """Put a secret into a file; return its reference."""
        place = self.folder / f"secret-{name}"
        place.write_text(value)
        return f"file:{place}"

    def runbook(self, *tasks):
        """Write a runbook of these calls, or of calls as they are given."""
        calls = "".join(CALLS.get(task, task) for task in tasks)
        (self.folder / "few.py").write_text(HEADER + calls)
        (self.folder / "rollback.py").write_text(ROLLBACK)

    def roll_back(self, *arguments):
        """Roll the newest run back."""
        data = ("--data", "run=latest", "--data", "reason=a test")
        return self.run(*data, *arguments, runbook="rollback")

    def run(self, *arguments, runbook="few"):
        """Run the runbook, as an operator does, to its end."""
        lists = [
            f"{name} = [({f'@control/{name}'!r}, {self.common | data!r})]"
            for name, data in self.hosts.items()
        ]
        inventory = "\n".join([*lists, 'system = ["@control/production"]'])
        (self.folder / "desk.py").write_text(inventory + "\n")
        output = self.folder.with_name(self.folder.name + ".said")
        output.write_text("")
        yes = [] if "--dry" in arguments else ["-y"]
        command = [str(PYINFRA), *yes, "desk.py", f"{runbook}.py", *arguments]
        return Ran(forking("warm").run(command, self.folder, self.env, output), output.read_text())

    def look(self):
        """Return everything that a step could have changed."""
        return {
            "services": cloud().look(*self.services),
            "deploys": [len(cloud().running(name).deploys) for name in self.services],
            "refs": self.clone.refs(),
            "files": git(self.clone.path, "status", "--porcelain"),
            "settings": self.databases and server_settings(self.databases.names.values()),
        }

    def leaks(self, ran):
        """Return the secrets that got into what was said or written."""
        values = [MARK, cloud().standin.settings.key]
        values += [server().password] if self.databases else []
        written = [path for path in self.folder.glob("memory/*") if path.is_file()]
        told = ran.said.encode() + b"".join(path.read_bytes() for path in written)
        return [value for value in values if value.encode() in told]


def server_settings(names):
    """Return the settings that databases have of their own."""
    with psycopg.connect(server().url("postgres")) as session:
        return session.execute(
            "select datname, setconfig from pg_db_role_setting join pg_database d "
            "on d.oid = setdatabase where datname = any(%s) order by 1",
            [list(names)],
        ).fetchall()


def clauses(said):
    """Return what, why and next of the refusal in an output; each must be there."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    plain = re.sub(r"^\s*\[[a-z]+\]\s", "    ", plain, flags=re.MULTILINE)
    found = re.search(r"(\S[^\n]*)\n\s+why:\s+(.+?)\n\s+next:\s+(\S[^\n]*)", plain, re.DOTALL)
    assert found, said
    return found.groups()

"""The inventories that are shipped: complete, without a secret, and harmless until told."""

import json
import re
import shutil
from pathlib import Path
from typing import get_origin, get_type_hints

import pytest

from handrail.engine.needs import GUARD
from handrail.testing.lab import PYINFRA, Ran
from operations.targets import NEEDS
from tests.operations.desk import clauses, forking
from tests.operations.gates import nowhere

ROOT = Path(__file__).parents[2]
SHIPPED = ("prod", "staging")
REFERENCE = re.compile(r"env:[A-Z][A-Z0-9_]*$|file:\S+$")
# Keys whose value is a secret; everything else in an inventory may be read by anybody.
SECRET = {"key", "redis", "canaries", "alerts"}
SECRET |= {f"CLOUDINARY_{part}" for part in ("CLOUD_NAME", "API_KEY", "API_SECRET")}
DATABASES = {"source", "destination"}


def pyinfra(folder, *arguments, **env):
    """Run pyinfra in a folder, with nothing of this shell's environment."""
    said = folder.with_name(f"{folder.name}.said")
    said.write_text("")
    given = {"PATH": "/usr/bin:/bin", "HOME": str(folder)} | env
    return Ran(
        forking("warm").run([str(PYINFRA), *arguments], folder, given, said), said.read_text()
    )


@pytest.fixture
def project(tmp_path):
    """A copy of inventories and runbooks, in which nothing is ever written elsewhere."""
    folder = tmp_path / "project"
    for name in ("inventory", "runbooks"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def described(project, name):
    """Return what pyinfra makes of an inventory: the data of each target."""
    ran = pyinfra(project, f"inventory/{name}.py", "debug-inventory")
    assert ran.code == 0, ran.said
    blocks = re.findall(r"^\[(\w+)\]\s*$\n(.*?^\}$)", ran.said, re.DOTALL | re.MULTILINE)
    return {
        host: (
            set(re.search(r"Groups: (.*)", block)[1].split(", ")),
            json.loads(block[block.index("{\n") :]),
        )
        for host, block in blocks
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_an_inventory_holds_all_that_the_runbooks_need_and_nothing_else(project, name):
    """Each target, in the type that is asked for; and all of them are one environment."""
    hosts = described(project, name)
    assert hosts.keys() == {"repository", "staging", "production"}
    for host, (groups, data) in hosts.items():
        known = {}
        for group, shape in NEEDS.items():
            known |= get_type_hints(shape) if group in groups else {}
        said = {"environment", "ledger"} | (GUARD & data.keys())
        assert known.keys() | said == data.keys(), host
        for key, hint in known.items():
            assert isinstance(data[key], get_origin(hint) or hint), f"{host}: {key}"
        assert data["environment"] == {"prod": "production"}.get(name, name), host
        assert data["ledger"] == f"state/ledgers/{data['environment']}.sqlite", host


@pytest.mark.parametrize("name", SHIPPED)
def test_an_inventory_names_its_secrets_and_writes_none(project, name):
    """Each is a reference, and no address has a password in it."""
    for host, (_, data) in described(project, name).items():
        for path, value in leaves(data):
            if path[-1] in SECRET or path[0] in DATABASES:
                assert REFERENCE.match(value), f"{host}: {'.'.join(path)}"
            assert not re.search(r"://[^/]*@|rnd_|secret\s*=", str(value)), f"{host}: {path}"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_two_systems_of_an_inventory_share_nothing(project, name):
    """What staging does must never reach production: no service, address or secret is in both."""
    hosts = described(project, name)
    sides = [
        {str(value) for path, value in leaves(hosts[each][1]) if is_own(path)}
        for each in ("staging", "production")
    ]
    assert all(sides)
    assert not sides[0] & sides[1]


def leaves(value, path=()):
    """Return every plain value in nested data, with the keys that lead to it."""
    if isinstance(value, dict):
        return [each for key, part in value.items() for each in leaves(part, (*path, key))]
    if isinstance(value, list):
        return [each for part in value for each in leaves(part, path)]
    return [(path, value)]


def is_own(path):
    """Tell the data of one system: its services, its addresses, its secrets."""
    names = {"services", "cloudinary_variables", "directory", "redis", "canaries"}
    return path[0] in names | DATABASES or path[0].endswith(("_service", "_url"))


def test_a_plan_without_a_single_secret_says_what_it_cannot_tell_and_writes_nothing(project):
    """Nothing is set up and nothing answers: each step is told, and no file or ledger is made."""
    data = project / "inventory" / "group_data" / "prod.py"
    text = data.read_text()
    assert "https://api.render.com/v1" in text
    data.write_text(text.replace("https://api.render.com/v1", nowhere()))
    stood = sorted(project.rglob("*"))

    ran = pyinfra(project, "inventory/prod.py", "runbooks/cutover.py", "--dry")

    assert ran.code == 1, ran.said  # a plan in which something would refuse
    assert "Traceback" not in ran.said, ran.said
    assert "Nothing was changed or recorded." in ran.closing[-1]
    told = "\n".join(ran.closing)
    assert "`RENDER_API_KEY` is not set" in told
    assert "`LEGACY_DATABASE_URL` is not set" in told
    blind = re.compile(
        r"(not told yet|would refuse) .*\[(service|env|deploy|frontend|freeze|files)\."
    )
    seen = [line for line in ran.closing if re.search(r"\[(service|env|deploy|freeze)\.", line)]
    assert len(seen) > 10
    assert [line for line in seen if not blind.search(line)] == []
    assert sorted(project.rglob("*")) == stood


def test_a_cutover_without_a_single_secret_stops_at_its_first_step(project):
    """Which secret, where it belongs, and the same command again."""
    said = ("override=proof", "reason=a test", "environment=production")
    undrilled = [part for word in said for part in ("--data", word)]
    ran = pyinfra(project, "-y", "inventory/prod.py", "runbooks/cutover.py", *undrilled)

    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said, ran.said
    what, why, following = clauses(ran.said)
    assert "service.pause_autodeploy did not start" in what
    assert "`RENDER_API_KEY` is not set" in why
    assert "export RENDER_API_KEY=" in following
    assert "resume:" in "\n".join(ran.closing)

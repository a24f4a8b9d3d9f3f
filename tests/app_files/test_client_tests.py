"""Plan tasks 5.4 and 5.5: the tests that stand in the app's repository, run there by `npm test`."""

import os
import re
import shutil
import subprocess

import pytest
from rehearsal.binaries import find_node
from rehearsal.errors import WorldError
from rehearsal.node_packages import CACHE

from operations.package_file import with_scripts
from tests.app_files.conftest import CLIENT_TESTS, FILES

SCRIPTS = {"test": "cd tests && npm ci && npm test"}
ASKED = {
    "Property 9: JWT token inclusion",
    "Property 10: datetime parsing",
    "Property 11: paginated response handling",
    "a 401 response redirects to login, and keeps no token that would start a circle",
    "a network error shows a message for people",
    "the API is asked under the prefix /api/v1/",
}
# What a hurried change might do to the client, and the tests that notice.
MISTAKES = {
    "another word before the token": (
        "`Bearer $",
        "`Token $",
        "Property 9: JWT token inclusion",
    ),
    "an offset taken the wrong way": (
        'sign === "-" ? -offset : offset',
        'sign === "-" ? offset : -offset',
        "Property 10: datetime parsing",
    ),
    "a page that is never asked for": (
        "page=${page}",
        "page=1",
        "Property 11: paginated response handling",
    ),
    "a login that is not asked for": (
        'window.location.assign("/login");',
        "",
        "a 401 response redirects to login, and keeps no token that would start a circle",
    ),
}


def npm(directory, *arguments):
    """Run npm there, offline wherever the packages are in the cache of the rehearsal."""
    try:
        node = find_node()
    except WorldError as error:
        pytest.skip(f"no Node 20 with npm on this machine: {error}")
    return subprocess.run(
        [node.node, node.npm_cli, *arguments],
        cwd=directory,
        env=os.environ
        | {
            "PATH": os.pathsep.join([str(node.node.parent), os.environ.get("PATH", os.defpath)]),
            "npm_config_cache": str(CACHE),
            "npm_config_prefer_offline": "true",
            "NODE_OPTIONS": "--test-reporter=tap",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """What `npm ci` makes of the published lock."""
    directory = tmp_path_factory.mktemp("packages")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FILES / "client/tests" / name, directory)
    fetched = npm(directory, "ci", "--no-audit", "--no-fund")
    if fetched.returncode != 0:
        why = fetched.stderr.strip().rpartition("\n")[2]
        pytest.skip(f"fast-check is not on this machine, and npm could not fetch it: {why}")
    return directory / "node_modules"


def outcomes(ran):
    """Return the tests that node tells of, by title: whether each passed."""
    told = re.findall(r"^\s*(not )?ok \d+ - (.*)$", ran.stdout, re.MULTILINE)
    return {title: not failed for failed, title in told}


def test_npm_test_passes_in_the_apps_repository(packages, repository):
    """As somebody types it there: the lock's packages are installed, and every test passes."""
    package = repository / "client/package.json"
    package.write_text(with_scripts(package.read_text(), str(package), SCRIPTS, []))

    ran = npm(repository / "client", "test")

    told = outcomes(ran)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert told.keys() >= ASKED
    assert all(told.values())


def test_mistakes_in_the_client_are_noticed(packages, repository):
    """Each by the test that is there for it; what is right still passes."""
    shutil.copytree(packages, repository / "client/tests/node_modules")
    module = repository / "client/src/utils/api.js"
    text = module.read_text()
    for right, wrong, _ in MISTAKES.values():
        assert right in text
        text = text.replace(right, wrong)
    module.write_text(text)

    ran = npm(repository / "client/tests", "test")

    assert ran.returncode != 0
    noticing = {title for _, _, title in MISTAKES.values()}
    told = outcomes(ran)
    assert noticing <= {title for title, passed in told.items() if not passed}
    assert told["a network error shows a message for people"]


def test_the_properties_are_drawn_by_fast_check():
    """None of them is a list of examples, and the lock names no server."""
    text = (FILES / "client/tests/properties.test.mjs").read_text()
    for title in re.findall(r"^test\(\"(Property .*)\"", text, re.MULTILINE):
        body = text.partition(f'test("{title}"')[2].partition("\n});\n")[0]
        assert "fc.assert(" in body, title
    assert "://registry" not in (FILES / "client/tests/package-lock.json").read_text()
    assert CLIENT_TESTS.keys() == {
        f"client/tests/{each.name}" for each in (FILES / "client/tests").iterdir()
    }

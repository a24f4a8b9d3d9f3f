"""Plan tasks 5.1 to 5.3: the published client builds, and fits the modules around it."""

import json
import os
import re
import subprocess

from rehearsal.binaries import find_node

from tests.app_files.conftest import CLIENT, FACTS, REPOSITORY, published

IMPORTS = re.compile(r'import \{([^}]+)\} from "([^"]*utils/|\./)(\w+)\.js"')
EXPORTS = re.compile(r"^export (?:async )?(?:const|function|class) (\w+)", re.MULTILINE)


def build(repository, **variables):
    """Build the client; return what the site's configuration says."""
    answer = subprocess.run(
        [find_node().node, "scripts/build.mjs"],
        cwd=repository / "client",
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads((repository / "client/dist/config.json").read_text())


def script(repository):
    """The script that browsers get."""
    (path,) = (repository / "client/dist/assets").glob("app-*.js")
    return path.read_text()


def test_client_builds_against_django(repository):
    """Without variables, the build takes the addresses of `.env.production`."""
    assert build(repository) == {
        "apiUrl": FACTS["api_url"],
        "wsUrl": FACTS["ws_url"],
        "apiPrefix": "/api/v1",
    }
    text = script(repository)
    assert "import.meta.env" not in text
    assert "${API_URL}${API_PREFIX}${path}" in text
    assert "$$" not in text


def test_variables_of_the_build_rank_above_the_file(repository):
    """Staging builds the same commit for its own backend, and the script names it."""
    urls = {"VITE_API_URL": "http://127.0.0.1:81", "VITE_WS_URL": "ws://127.0.0.1:82"}

    found = build(repository, **urls)

    assert (found["apiUrl"], found["wsUrl"]) == tuple(urls.values())
    assert all(wanted in script(repository) for wanted in (*urls.values(), "/api/v1"))


def test_modules_export_what_the_client_imports(repository):
    """Each name that a page or a module imports is there."""
    sources = [
        *(path.read_text() for path in (repository / "client/src").rglob("*.jsx")),
        published(CLIENT["client/src/utils/websocket.js"]),
    ]
    wanted = {
        (module, name.strip())
        for text in sources
        for names, _, module in IMPORTS.findall(text)
        for name in names.split(",")
    }
    found = {
        (module, name)
        for module in ("api", "websocket")
        for name in EXPORTS.findall(published(f"client/{module}.js"))
    }

    assert ("api", "list") in wanted
    assert wanted <= found


def test_files_replaced_are_files_of_the_repository():
    """What is published takes the place of a file that is there."""
    assert all((REPOSITORY / path).is_file() for path in CLIENT)

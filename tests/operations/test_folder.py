"""A folder that goes: every reference to it is found, told or refused, and nothing else is."""

import json

import pytest

from handrail.clients.git import Repository
from handrail.engine.clause import ask
from operations import archive, server_dir
from operations.folder import names_folder, references
from tests.operations.clones import cloned, git
from tests.operations.cloud import push


@pytest.mark.parametrize(
    ("file", "line", "names"),
    [
        ("package.json", '"start": "node server/index.js",', True),
        ("package.json", '"dev": "cd server && npm run dev",', True),
        ("package.json", '"workspaces": ["server", "client"],', True),
        ("package.json", '"build": "npm --prefix ./server run build",', True),
        ("package.json", '"server": "node other.js",', False),
        ("package.json", '"dev": "http-server dist",', False),
        (".github/workflows/ci.yml", "        working-directory: server", True),
        (".github/workflows/ci.yml", "      - 'server/**'", True),
        (".github/dependabot.yml", "    directory: /server", True),
        (".github/workflows/ci.yml", "    name: server", False),
        ("pnpm-workspace.yaml", "  - server", True),
        ("docker-compose.yml", "    build: ./server", True),
        ("docker-compose.yml", "  server:", False),
        ("Dockerfile", "COPY server ./server", True),
        ("Dockerfile", "COPY server/package.json .", True),
        ("Procfile", "web: node server/index.js", True),
        ("Makefile", "\ttest -d server", True),
        ("deploy.sh", 'rsync -a "./server/" host:', True),
        ("client/vite.config.js", "import x from '../server/shared.js';", True),
        ("client/src/a.js", "import x from '../server/y.js';", False),
        ("client/src/a.js", "import x from '../../server/y.js';", True),
        ("client/src/a.js", "fetch('https://x.example/server/y');", False),
        ("client/src/a.js", "const server = createServer(handler);", False),
        ("rotc_backend/x.py", "from server.models import X  # rotc_backend/server/models", False),
        ("rotc_backend/tests.py", 'HOST = "testserver"', False),
        ("scripts/seed.py", "open('server/seed.json')", True),
        ("docs/API.md", "See `server/routes`.", True),
        ("docs/API.md", "The server answers.", False),
    ],
)
def test_a_line_names_the_folder_or_only_the_word(file, line, names):
    """`server/` of the root, in whatever way a tool is told of a folder; no other `server`."""
    assert names_folder(line, "server", file) is names


def deleted(clone, **more):
    """Return the arguments of the deletion."""
    return {
        "repository": Repository.from_inventory(clone.inventory),
        "archive": "archive/node",
        "path": "server",
        "package": "package.json",
        "scripts": ["prebuild", "prestart", "server:install"],
        "kept": ["client"],
        "mentions": [],
        **more,
    }


def free(clone, **files):
    """Let nothing need the folder but what is given."""
    package = {"scripts": {"prebuild": "test -d server", "build": "x"}, "dependencies": {"a": "1"}}
    files = {"package.json": json.dumps(package), "render.yaml": "services: []\n", **files}
    push(clone.path, "need no server/", **files)


def test_what_would_break_is_refused_with_file_and_line():
    """Scripts, workflows, imports and links; a script that goes with the folder does not count."""
    needs = server_dir.delete.contract.requires[3]
    with cloned() as clone:
        assert "package.json:" in ask(needs, deleted(clone)).why  # as found: build, start and dev
        free(clone)
        assert ask(needs, deleted(clone)).passed
        (clone.path / "api.js").symlink_to("server/index.js")
        files = {"deploy.sh": "#!/bin/sh\ncd server\nnpm ci\n", "docs/A.md": "`server/`\n"}
        free(clone, **files, **{"client/node_modules/x/y.js": "require('server/x')\n"})
        refused = ask(needs, deleted(clone))
        assert "deploy.sh:2" in refused.why
        assert "api.js" in refused.why
        assert "docs/" not in refused.why
        assert "node_modules" not in refused.why
        assert "mentions" in refused.fix
        assert ask(needs, deleted(clone, mentions=["deploy.sh", "api.js"])).passed


def test_documents_that_speak_of_it_are_listed_in_the_plan():
    """They break nothing, and the documents are the next task's."""
    with cloned() as clone:
        free(clone, **{".gitignore": "server/dist/\n", "yarn.lock": "express\n"})
        live = deleted(clone)
        asked = {name: live[name] for name in ("repository", "path", "package", "scripts")}
        shown = server_dir.what_goes(**asked)
        assert "speaks of `server`: README.md:8" in shown
        assert "speaks of `server`: .gitignore:1" in shown
        assert "files more" in shown
        assert "made again by your package manager: `yarn.lock`" in shown
        assert '-{"scripts"' in shown
        snapshot = live["repository"].at()
        assert references(snapshot, "no/such", {}) == ([], [])


def test_a_folder_that_is_a_link_is_named():
    """Deleting the link would leave the code."""
    with cloned() as clone:
        git(clone.path, "mv", "server", "backend")
        (clone.path / "server").symlink_to("backend")
        free(clone)
        live = deleted(clone)
        refused = ask(server_dir.delete.contract.requires[3], live)
        assert "symbolic link to `backend`" in refused.why
        archived = {"repository": live["repository"], "branch": "archive/node", "path": "server"}
        live["repository"].create_branch("archive/node", live["repository"].head())
        assert ask(archive.branch.contract.ensures, archived).passed
        push(clone.path, "change it", backend__new="x\n")
        assert "is not the one" in ask(archive.branch.contract.ensures, archived).why


@pytest.mark.parametrize("place", ["server", "server/vendor"])
def test_code_that_a_submodule_holds_is_not_taken_for_archived(place):
    """A branch of this repository keeps its name and number, not its files."""
    with cloned() as clone:
        head = git(clone.path, "rev-parse", "HEAD")
        if place == "server":
            git(clone.path, "rm", "-r", "--quiet", "--cached", "server")
        git(clone.path, "update-index", "--add", "--cacheinfo", f"160000,{head},{place}")
        git(clone.path, "commit", "--quiet", "--message", "a submodule")
        git(clone.path, "push", "--quiet", "origin", "main")
        live = deleted(clone)
        repository = live["repository"]
        repository.create_branch("archive/node", repository.head())
        archived = {"repository": repository, "branch": "archive/node", "path": "server"}
        for clause, given in (
            (archive.branch.contract.ensures, archived),
            (server_dir.delete.contract.requires[1], live),
        ):
            found = ask(clause, given)
            assert f"`{place}`" in found.why
            assert "is a submodule" in found.why
            assert found.fix

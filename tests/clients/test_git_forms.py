"""Links, submodules, filters, line ends, modes, odd names: written through, or refused."""

import time
import unicodedata

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.git_change import contents
from tests.clients.git_world import TASK, commit, git


def shown(origin, path, commit="main"):
    """Return mode and kind of an entry on the origin."""
    return git(origin, "ls-tree", commit, path).partition("\t")[0].split()[:2]


def committed(other, origin):
    """Commit what lies in another person's clone, and push it."""
    git(other, "add", "--all")
    git(other, "commit", "-q", "-m", "person: as found")
    git(other, "push", "-q", "origin", "HEAD:main")


@pytest.fixture
def linked(other, origin):
    """A repository with links: to a file, to a folder, to nothing yet, out of it, in a circle."""
    (other / "docs").mkdir()
    (other / "docs/REAL.md").write_text("real\n")
    (other / "docs/REAL.md").chmod(0o755)
    links = {
        "README.md": "docs/REAL.md",
        "documents": "docs",
        "docs/up": "..",
        "later.md": "docs/LATER.md",
        "outside": "../../etc/passwd",
        "absolute": "/etc/passwd",
        "inside": "app/../.git/config",
        "one": "two",
        "two": "one",
        "app/conf": "../documents/REAL.md",
    }
    for name, target in links.items():
        (other / name).symlink_to(target)
    committed(other, origin)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("README.md", "docs/REAL.md"),
        ("documents/REAL.md", "docs/REAL.md"),
        ("documents/NEW.md", "docs/NEW.md"),
        ("documents/up/app/conf", "docs/REAL.md"),
        ("later.md", "docs/LATER.md"),
    ],
)
def test_a_link_is_written_through(repository, origin, linked, path, place):
    """The file it leads to has the text, its own mode, and the link stays a link."""
    before = repository.head()
    mode = shown(origin, place)

    made = repository.commit_files({path: "# Django\n"}, "m", TASK)

    assert git(origin, "diff", "--name-only", before, made) == place
    assert git(origin, "show", f"{made}:{place}") == "# Django"
    assert not mode or shown(origin, place) == mode
    assert repository.at().read(path) == "# Django\n"
    repository.revert(made, "back", TASK)
    assert git(origin, "rev-parse", "main^{tree}") == git(origin, "rev-parse", f"{before}^{{tree}}")


@pytest.mark.parametrize(
    "path", ["outside", "absolute", "inside", "one", "outside/x", "documents/up/one"]
)
def test_a_link_that_leads_nowhere_in_the_repository_is_refused(repository, origin, linked, path):
    """Before anything moved, and with what to do."""
    stood = git(origin, "rev-parse", "main")

    with pytest.raises(ClientError, match="symbolic link") as caught:
        repository.commit_files({path: "x\n", "other.md": "y\n"}, "m", TASK)

    assert "commit, push" in caught.value.fix
    assert git(origin, "rev-parse", "main") == stood


def test_two_paths_that_are_one_file_are_refused_where_they_differ(repository, linked):
    """One of the two texts would be lost in silence."""
    with pytest.raises(ClientError, match="leads to"):
        repository.commit_files({"README.md": "a\n", "docs/REAL.md": "b\n"}, "m", TASK)
    repository.commit_files({"README.md": "a\n", "docs/REAL.md": "a\n"}, "m", TASK)


def test_a_link_that_is_removed_goes_itself(repository, origin, linked):
    """What it leads to stays."""
    repository.commit_files({"README.md": None}, "m", TASK)

    assert not shown(origin, "README.md")
    assert shown(origin, "docs/REAL.md")


@pytest.fixture
def submodule(other, origin):
    """`client` is kept in another repository."""
    head = git(other, "rev-parse", "HEAD")
    git(other, "update-index", "--add", "--cacheinfo", f"160000,{head},client")
    git(other, "commit", "-q", "-m", "person: a submodule")
    git(other, "push", "-q", "origin", "HEAD:main")


@pytest.mark.parametrize("path", ["client/.env.production", "client"])
def test_a_path_in_a_submodule_is_refused(repository, origin, submodule, path):
    """The submodule stays what it is."""
    stood = git(origin, "rev-parse", "main")

    with pytest.raises(ClientError, match="`client` is a submodule"):
        repository.commit_files({path: "x\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main") == stood
    assert repository.at().submodules() == ["client"]


@pytest.mark.parametrize("path", ["render.yaml/x", "render.yaml/a/b", "app/start.sh/x"])
def test_a_path_below_a_file_is_refused(repository, origin, path):
    """The file is somebody's, and no folder."""
    with pytest.raises(ClientError, match="is a file, not a folder"):
        repository.commit_files({path: "x\n"}, "m", TASK)


@pytest.mark.parametrize("path", ["Render.yaml", "APP/other.sh", "app/START.SH"])
def test_a_name_that_differs_in_case_only_is_refused(repository, path):
    """On macOS and Windows the two are one file, and nobody can check both out."""
    with pytest.raises(ClientError, match="differs in case or accents only") as caught:
        repository.commit_files({path: "x\n"}, "m", TASK)
    assert "use that name" in caught.value.fix


def test_a_name_whose_accents_are_written_otherwise_is_refused(repository):
    """macOS writes `é` as two characters."""
    first, second = (unicodedata.normalize(form, "café.md") for form in ("NFC", "NFD"))
    repository.commit_files({first: "x\n"}, "m", TASK)

    with pytest.raises(ClientError, match="accents"):
        repository.commit_files({second: "y\n"}, "m", TASK)
    with pytest.raises(ClientError, match="accents"):
        repository.commit_files({"a/é": "x", unicodedata.normalize("NFD", "a/é"): "y"}, "m", TASK)


def test_a_name_makes_way_for_its_other_spelling(repository):
    """Renamed in one commit."""
    repository.commit_files({"render.yaml": None, "Render.yaml": "x\n"}, "m", TASK)

    assert repository.at().list_files() == ["Render.yaml", "app/start.sh"]


@pytest.mark.parametrize("name", ["crypt", "lfs", "git-crypt-key"])
def test_a_file_under_a_filter_is_refused_before_anything_moved(repository, other, origin, name):
    """What goes past git-crypt is stored in clear; what goes past LFS, as no pointer."""
    commit(other, ".gitattributes", f"*.production filter={name} diff={name}\n")
    git(other, "push", "-q", "origin", "HEAD:main")
    stood = git(origin, "rev-parse", "main")

    for act in (repository.commit_files, lambda files, *_: repository.difference(files)):
        with pytest.raises(ClientError, match=f"filter `{name}`"):
            act({"client/.env.production": "SECRET=1\n", "a.txt": "x\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main") == stood
    repository.commit_files({"client/.env.example": "SECRET=\n"}, "m", TASK)


@pytest.mark.parametrize("where", ["info", "configured", "usual"])
def test_a_filter_that_only_the_operators_clone_knows_is_seen(
    repository, other, origin, clone, tmp_path, monkeypatch, where
):
    """A person who keeps git-crypt's patterns for themselves still commits nothing in clear.

    A file that is set free of it there is written; line ends stay as what is committed says.
    """
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    place = {
        "info": clone / ".git/info/attributes",
        "configured": tmp_path / "mine",
        "usual": tmp_path / "config/git/attributes",
    }[where]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("*.production filter=mine\n*.txt text eol=lf\n")
    if where == "configured":
        git(clone, "config", "core.attributesFile", str(place))
    commit(other, ".gitattributes", "free.production -filter\n")
    git(other, "push", "-q", "origin", "HEAD:main")
    stood = git(origin, "rev-parse", "main")

    with pytest.raises(ClientError, match="itself puts it under the filter `mine`"):
        repository.commit_files({"client/.env.production": "SECRET=1\n"}, "m", TASK)

    assert git(origin, "rev-parse", "main") == stood
    repository.commit_files({"a.txt": b"a\r\n"}, "m", TASK)
    assert repository.at().read_bytes("a.txt") == b"a\r\n"
    if where != "info":
        repository.commit_files({"free.production": "x\n"}, "m", TASK)


@pytest.mark.parametrize(
    ("attributes", "text", "stored"),
    [
        ("* text=auto", b"a\r\nb\r\n", b"a\nb\n"),
        ("* text eol=crlf", b"a\r\nb\n", b"a\nb\n"),
        ("* eol=lf", b"a\r\n", b"a\n"),
        ("* -text", b"a\r\n", b"a\r\n"),
        ("* binary", b"a\r\n", b"a\r\n"),
        ("*.txt text", b"a\r\n\0", b"a\n\0"),
        ("* text=auto", b"a\r\n\0", b"a\r\n\0"),
        ("* ident", b"$Id: 1234 $ $Id$\n", b"$Id$ $Id$\n"),
        ("", b"$Id: 1234 $\r\n", b"$Id: 1234 $\r\n"),
    ],
)
def test_line_ends_and_idents_are_stored_as_git_stores_them(
    repository, other, attributes, text, stored
):
    """Or the file would read as changed in everybody's clone from then on."""
    commit(other, ".gitattributes", f"{attributes}\n")
    git(other, "push", "-q", "origin", "HEAD:main")

    repository.commit_files({"deep/a.txt": text}, "m", TASK)

    assert repository.at().read_bytes("deep/a.txt") == stored
    assert contents(repository.at(), {"deep/a.txt": text}) == {"deep/a.txt": stored}
    git(other, "pull", "-q")
    (other / "deep/a.txt").touch()
    assert git(other, "status", "--porcelain") == ""


def test_modes_stay_and_a_new_script_can_be_run(repository, origin):
    """As a person would have committed them."""
    files = {"app/start.sh": "#!/bin/sh\nnew\n", "app/new.sh": "#!/bin/sh\n", "app/new.txt": "x\n"}
    repository.commit_files(files, "m", TASK)

    assert [shown(origin, path)[0] for path in files] == ["100755", "100755", "100644"]


def test_a_file_that_is_no_text_is_replaced_whole(repository, other):
    """Nobody has to read it for that; the way back brings its bytes."""
    (other / "notes.txt").write_bytes(b"caf\xe9\r\n")
    committed(other, None)

    made = repository.commit_files({"notes.txt": "café\n"}, "m", TASK)
    assert repository.at().read("notes.txt") == "café\n"

    repository.revert(made, "m", TASK)
    assert repository.at().read_bytes("notes.txt") == b"caf\xe9\r\n"


def test_a_way_back_needs_no_filter_and_no_lfs_server(repository, other, origin, clone):
    """A commit that deletes LFS files and one that changes text: both go back, by pointer."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    for name, text in {".gitattributes": "*.png filter=lfs\n", "server/a.png": pointer}.items():
        (other / name).parent.mkdir(exist_ok=True)
        (other / name).write_text(text)
    committed(other, origin)
    for key in ("clean", "smudge", "process"):
        git(clone, "config", f"filter.lfs.{key}", "false")
    git(clone, "config", "filter.lfs.required", "true")
    stood = git(origin, "rev-parse", "main^{tree}")
    made = repository.commit_files({"server/a.png": None, "render.yaml": "new\n"}, "m", TASK)
    with pytest.raises(ClientError, match="only its pointer"):
        repository.at(git(origin, "rev-parse", f"{made}^")).read("server/a.png")

    repository.revert(made, "m", TASK)

    assert git(origin, "rev-parse", "main^{tree}") == stood


def test_a_commit_that_went_through_a_filter_goes_back(repository, other, origin):
    """A run of an older handrail made it in a clone that had the filter."""
    commit(other, ".gitattributes", "*.production filter=crypt\n")
    commit(other, "a.production", "ENCRYPTED OLD\n")
    git(other, "push", "-q", "origin", "HEAD:main")
    stood = git(origin, "rev-parse", "main^{tree}")
    made = commit(other, "a.production", "ENCRYPTED NEW\n", "old\n\nRunbook-Task: 5.1")
    git(other, "push", "-q", "origin", "HEAD:main")

    repository.revert(made, "m", TASK)

    assert git(origin, "rev-parse", "main^{tree}") == stood


def test_a_difference_shows_lines_and_deletions_and_writes_nothing(repository, origin):
    """What a plan shows of a change."""
    refs = git(origin, "for-each-ref")
    files = {"render.yaml": "services: [a]\n", "app/start.sh": None, "new.bin": b"\0\1"}

    told = repository.difference(files)

    assert "--- render.yaml\n+++ render.yaml\n@@ -1 +1 @@\n-services: []\n+services: [a]" in told
    assert "--- /dev/null\n+++ new.bin" in told
    assert told.endswith("deleted: `app/start.sh`")
    assert git(origin, "for-each-ref") == refs
    long = repository.difference({"long.txt": "x\n" * 5000})
    assert len(long.splitlines()) < 250
    assert "lines more" in long


MANY, LONG = 22_000, "some-package-name/node_modules/another-package-name/dist/cjs/lib/internal"


def test_a_folder_of_22000_long_names_goes_and_comes_back_in_seconds(repository, other, origin):
    """No list of arguments is as long as that, and no command is run for each file."""
    blob = git(other, "hash-object", "-w", "render.yaml")
    lines = "".join(
        f"100644 {blob}\tserver/node_modules/{number % 200}-{LONG}/module-{number}.js\n"
        for number in range(MANY)
    )
    (other / "lines").write_text(lines)
    git(other, "read-tree", "HEAD")
    feed = "git update-index --index-info < lines && rm lines && git commit -q -m many"
    git(other, "-c", f"alias.feed=!{feed}", "feed")
    git(other, "push", "-q", "origin", "HEAD:main")
    stood = git(origin, "rev-parse", "main^{tree}")
    files = dict.fromkeys(repository.at().list_files("server"))
    assert len(files) == MANY

    began = time.monotonic()
    made = repository.commit_files(files, "m", TASK)
    told = repository.difference({"render.yaml": "x\n"})
    repository.revert(made, "m", TASK)

    assert time.monotonic() - began < 120  # some six where the machine has nothing else to do
    assert told
    assert git(origin, "rev-parse", "main^{tree}") == stood
    assert not git(origin, "ls-tree", made, "server")

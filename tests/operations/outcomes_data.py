"""What the gates on data and documents say, of real databases and a real clone."""

import json

import psycopg

from handrail.engine.finding import Verdict
from handrail.transfer.load import load
from handrail.transfer.sql.compile import open_plan
from tests.operations.clones import cloned, git
from tests.operations.cloud import push
from tests.operations.databases import MAPPING, databases
from tests.operations.gates import outcome
from tests.operations.laws import RUN

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR


class Pair:
    """Both databases of a case."""

    def __init__(self, stage):
        """Copy them."""
        self.stage, self.databases = stage, stage.stack.enter_context(databases())

    def tell(self, side, statement):
        """Change one side."""
        with psycopg.connect(self.databases.url[side], autocommit=True) as session:
            session.execute(statement)

    def load(self):
        """Move all rows."""
        urls = (self.databases.url["legacy"], self.databases.url["django"])
        load.load(open_plan(MAPPING, *urls), *urls)
        return self

    def ask(self, gate, **more):
        """Ask a gate about both sides."""
        given = {side: self.databases.reference(side) for side in ("legacy", "django")}
        asked = {"source": given["legacy"], "destination": given["django"]}
        return self.stage.ask(gate, **asked | {"mapping": str(MAPPING)} | more)

    def fit(self, **more):
        """Ask whether every row can be held."""
        place = {"directory": str(self.stage.directory), "run": RUN}
        return self.ask("verify.rows_fit", **place, **more)

    def compare(self):
        """Ask whether the rows are equal; the report is left beside."""
        directory = self.stage.directory
        found = self.ask("verify.rows_are_equal", directory=str(directory), run=RUN)
        report = directory / RUN / "verification.json"
        if found.verdict is not ERROR:
            assert json.loads(report.read_text())["good"] is found.passed
        return found


def gone(stage):
    """Return how an inventory names a database that is not there."""
    return stage.file("gone", Pair(stage).databases.url["legacy"] + "_gone")


@outcome("verify.mapping_fits", PASS)
def it_names_every_column(stage):
    """Of both catalogs as they are."""
    return Pair(stage).ask("verify.mapping_fits")


@outcome("verify.mapping_fits", FAIL)
def a_column_came_since(stage):
    """Nothing says what becomes of it."""
    pair = Pair(stage)
    pair.tell("legacy", "alter table cadets add column nickname text")
    found = pair.ask("verify.mapping_fits")
    assert "nickname" in found.why
    return found


@outcome("verify.mapping_fits", ERROR)
def the_database_is_not_there(stage):
    """A wrong address is no misfit."""
    return Pair(stage).ask("verify.mapping_fits", source=gone(stage))


@outcome("verify.rows_fit", PASS)
def every_row_can_be_held(stage):
    """Or is declared to be kept out."""
    return Pair(stage).fit()


@outcome("verify.rows_fit", FAIL)
def rows_that_nothing_declares(stage):
    """More odd rows than the mapping allows."""
    pair = Pair(stage)
    pair.tell("legacy", "update training_days set date = 'no day'")
    return pair.fit()


@outcome("verify.rows_fit", ERROR)
def there_are_no_rows_to_ask(stage):
    """The database is not there."""
    return Pair(stage).fit(source=gone(stage))


@outcome("verify.notices_missing_rows", PASS)
def an_empty_database_is_refused(stage):
    """As it must be before the load."""
    return Pair(stage).ask("verify.notices_missing_rows")


@outcome("verify.notices_missing_rows", FAIL)
def a_full_database_is_called_good(stage):
    """Asked too late, it has nothing missing to notice."""
    return Pair(stage).load().ask("verify.notices_missing_rows")


@outcome("verify.notices_missing_rows", ERROR)
def neither_side_answers(stage):
    """The database is not there."""
    return Pair(stage).ask("verify.notices_missing_rows", destination=gone(stage))


@outcome("verify.rows_are_equal", PASS)
def all_rows_arrived(stage):
    """Equal, or explained."""
    return Pair(stage).load().compare()


@outcome("verify.rows_are_equal", FAIL)
def a_row_was_changed(stage):
    """One cell of one row."""
    pair = Pair(stage).load()
    pair.tell("django", "update users set email = 'x@y.example' where id = 1")
    found = pair.compare()
    assert "users" in found.why
    return found


@outcome("verify.rows_are_equal", ERROR)
def nothing_was_loaded(stage):
    """Two empty sides are not equal sides."""
    return Pair(stage).compare()


def documents(stage, text, paths=("README.md",), words=("Express", "server/"), **files):
    """Ask about documents of an app whose README reads like this; docs/OLD.md may say anything."""
    clone = stage.stack.enter_context(cloned())
    push(clone.path, "write", **{"README.md": text}, **files)
    return clone, stage.ask("docs.name_no_legacy", **asked_of(clone, paths, words))


def asked_of(clone, paths, words=("Express",)):
    """Return the arguments of the gate."""
    excluded = ["docs/OLD.md", "server/*", "docs/A*.md", "docs/D*.md"]
    return {
        "repository": clone.inventory,
        "paths": list(paths),
        "words": list(words),
        "excluded": excluded,
    }


@outcome("docs.name_no_legacy", PASS)
def they_speak_of_django(stage):
    """And of nothing else."""
    return documents(stage, "# ROTC\n\nDjango serves it.\n")[1]


@outcome("docs.name_no_legacy", FAIL)
def a_line_speaks_of_express(stage):
    """It is named by its number."""
    found = documents(stage, "# ROTC\n\nRun Express.\n")[1]
    assert "line 3" in found.why
    return found


@outcome("docs.name_no_legacy", FAIL)
def a_document_is_missing(stage):
    """One that is not there says nothing about anything."""
    return documents(stage, "# ROTC\n", paths=["docs/NONE.md"])[1]


@outcome("docs.name_no_legacy", FAIL)
def a_document_that_nobody_listed_speaks_of_express(stage):
    """A pattern means every document, in whatever folder."""
    found = documents(
        stage, "# ROTC\n", paths=["*.md"], **{"client/notes/how.md": "Start Express.\n"}
    )[1]
    assert "client/notes/how.md" in found.why
    return found


@outcome("docs.name_no_legacy", PASS)
def only_the_history_speaks_of_express(stage):
    """It may: it is excluded by name."""
    return documents(stage, "# ROTC\n", paths=["*.md"], **{"docs/OLD.md": "Express\n"})[1]


@outcome("docs.name_no_legacy", FAIL)
def a_link_leads_to_what_speaks_of_express(stage):
    """The document is what a reader gets, not the name of its file."""
    clone, _ = documents(stage, "# ROTC\n")
    (clone.path / "README.md").unlink()
    (clone.path / "docs/OLD.md").write_text("Express\n")
    (clone.path / "README.md").symlink_to("docs/OLD.md")
    push(clone.path, "link it")
    return stage.ask("docs.name_no_legacy", **asked_of(clone, ["README.md"]))


@outcome("docs.name_no_legacy", FAIL)
def the_documents_are_a_submodule(stage):
    """They lie in another repository, where this gate does not look."""
    clone, _ = documents(stage, "# ROTC\n")
    head = git(clone.path, "rev-parse", "HEAD")
    git(clone.path, "update-index", "--add", "--cacheinfo", f"160000,{head},handbook")
    git(clone.path, "commit", "--quiet", "--message", "add a submodule")
    git(clone.path, "push", "--quiet", "origin", "main")
    found = stage.ask("docs.name_no_legacy", **asked_of(clone, ["README.md"]))
    assert "handbook" in found.why
    return found


@outcome("docs.name_no_legacy", ERROR)
def the_remote_is_not_there(stage):
    """What cannot be read is not taken for right."""
    clone, _ = documents(stage, "# ROTC\n")
    clone.origin.rename(clone.directory / "moved.git")
    return stage.ask("docs.name_no_legacy", **asked_of(clone, ["README.md"]))


def client(stage, **files):
    """Ask whether the frontend uses its two clients, with some files as they are given."""
    clone = stage.stack.enter_context(cloned())
    push(clone.path, "write", **{"NOTES": "x", **files})
    utils = [f"client/src/utils/{name}.js" for name in ("api", "websocket")]
    asked = {"repository": clone.inventory, "page": "client/index.html", "files": utils}
    return clone, stage.ask("client.uses_the_new_files", **asked)


@outcome("client.uses_the_new_files", PASS)
def the_page_leads_to_both_clients(stage):
    """Through its first script and the pages."""
    return client(stage)[1]


@outcome("client.uses_the_new_files", PASS)
def they_are_imported_by_a_short_name_and_when_needed(stage):
    """The build's configuration says what `@` means; a page may be loaded later."""
    return client(
        stage,
        **{
            "client/vite.config.js": "export default { resolve: { alias: {\n"
            "  '@': fileURLToPath(new URL('./src', import.meta.url)) } } };\n",
            "client/src/main.jsx": "const App = () => import('@/App');\n",
            "client/src/App.jsx": "export { default } from '@/utils/websocket';\n"
            'import * as api from "@/utils/api.js";\n',
        },
    )[1]


@outcome("client.uses_the_new_files", FAIL)
def the_application_has_a_client_of_its_own(stage):
    """What was written lies there, and nobody reads it."""
    found = client(
        stage,
        **{
            "client/src/main.jsx": "import './App.jsx';\n",
            "client/src/App.jsx": "// import './utils/websocket.js'\nimport './services/http.js';\n"
            "/* import './utils/api.js' */ const a = \"import './utils/api.js'\";\n",
            "client/src/services/http.js": "export default 1;\n",
        },
    )[1]
    assert "`client/src/utils/api.js`" in found.why
    assert "`client/src/utils/websocket.js`" in found.why
    return found


@outcome("client.uses_the_new_files", FAIL)
def only_a_type_is_imported(stage):
    """Nothing of it is in what browsers run."""
    return client(
        stage,
        **{
            "client/src/main.jsx": "import type { Api } from './utils/api.js';\n"
            "import './utils/websocket.js';\n",
            "client/src/utils/websocket.js": "export default 1;\n",
        },
    )[1]


@outcome("client.uses_the_new_files", FAIL)
def there_is_no_page(stage):
    """It lies elsewhere."""
    clone, _ = client(stage)
    asked = {"repository": clone.inventory, "page": "web/index.html", "files": []}
    return stage.ask("client.uses_the_new_files", **asked)


@outcome("client.uses_the_new_files", ERROR)
def the_sources_cannot_be_read(stage):
    """The remote is not there."""
    clone, _ = client(stage)
    clone.origin.rename(clone.directory / "moved.git")
    asked = {"repository": clone.inventory, "page": "client/index.html", "files": []}
    return stage.ask("client.uses_the_new_files", **asked)

"""What the gate of 5.2 and 5.3 follows: each way in which a module names another."""

import pytest

from handrail.clients.git import Repository
from operations.imports import reached
from tests.operations.clones import cloned
from tests.operations.cloud import push

WANTED = "client/src/utils/api.js"
# A module beside `utils`, and whether it leads to `utils/api.js`.
MODULES = {
    "an address": ("new Worker(new URL('../utils/api.js', import.meta.url))", True),
    "an address of elsewhere": ("new URL('../utils/api.js', location.href)", False),
    "an address made up in part": ("new URL(`../utils/${name}.js`, import.meta.url).href", True),
    "a module that is resolved": ("import.meta.resolve('../utils/api.js')", True),
    "a glob": ("const pages = import.meta.glob('../utils/*.js')", True),
    "a glob of a type": ("import.meta.glob<Page>('../utils/*.js', { eager: true })", True),
    "a glob of all below": ("import.meta.glob('../**/api.js')", True),
    "a glob of the root": ("import.meta.glob('/src/utils/a?i.{js,ts}')", True),
    "a glob of a short name": ("import.meta.glob('@/utils/[a-c]*.js')", True),
    "a glob of a range without it": ("import.meta.glob('../utils/[!a-c]*.js')", False),
    "a glob from a folder": ("import.meta.glob('./*.js', { base: '../utils' })", True),
    "several globs": ("import.meta.glob([\n  './none/*.js', // none\n  '../utils/*.js',\n])", True),
    "a glob that leaves it out": ("import.meta.glob(['../utils/*', '!**/api.js'])", False),
    "a glob of another folder": ("import.meta.glob('./*.js')", False),
    "a glob of another ending": ("import.meta.glob('../utils/*.ts')", False),
    "a text with a hole": ("const page = await import(`../utils/${name}.js`)", True),
    "a text with braces in its hole": ("import(`../utils/${ { a: `b` }[c] }.js`)", True),
    "texts put together": ("import('../utils/' + name + '.js')", True),
    "texts without an ending": ("require('../utils/' + name)", True),
    "a hole for one name only": ("import(`./${name}.js`)", False),
    "a comment inside": ("import(/* @vite-ignore */ '../utils/api.js')", True),
    "attributes": ("import('../utils/api.js', { with: { type: 'js' } })", True),
    "a pattern with a quote before": ("x = a.split(/['`]/); import('../utils/api.js')", True),
    "a text in a text": ("x = `${a ? `b` : 'c'}`; import '../utils/api.js'", True),
    "types only": ("import { type A, type B } from '../utils/api.js'", False),
    "a type and more": ("import { type A, b } from '../utils/api.js'", True),
    "a default of that name": ("import type from '../utils/api.js'", True),
    "somebody's own import": ("loader.import('../utils/api.js')", False),
    "a text about it": ("const how = \"import('../utils/api.js')\"", False),
    "a text about a glob": ("// import.meta.glob('../utils/*.js')", False),
    "what nobody knows": ("import(name)", False),
}
PAGES = {
    "a script inside": ("<script type=module>\nimport './src/utils/api.js'\n</script>", True),
    "a script without quotes": ("<script type=module src=/src/utils/api.js></script>", True),
    "a script of another kind": ("<script type='x'>import '/src/utils/api.js'</script>", False),
    "a script that is commented out": ("<!-- <script src=/src/utils/api.js></script> -->", False),
}


@pytest.fixture(scope="module")
def snapshot():
    """Every module and page of the tables in one repository."""
    with cloned() as clone:
        files = {
            f"client__src__m{number}__main.js": text for number, (text, _) in numbered(MODULES)
        }
        files |= {f"client__page{number}.html": text for number, (text, _) in numbered(PAGES)}
        files["client__vite.config.js"] = "alias: [{ find: '@', replacement: path('./src') }]"
        files["client__src__utils__api.js"] = "export default 1;\n"
        files["client__src__utils__websocket.js"] = "export default 2;\n"
        files["client__src__node_modules__api.js"] = "export default 1;\n"
        push(clone.path, "write", **files)
        yield Repository.from_inventory(clone.inventory).at()


def numbered(table):
    """Return the cases of a table with their numbers."""
    return list(enumerate(table.values()))


@pytest.mark.parametrize(("number", "case"), numbered(MODULES), ids=MODULES)
def test_a_module_leads_to_what_its_build_would_load(snapshot, number, case):
    """At once, later, or as one of many."""
    found = reached(snapshot, f"client/src/m{number}/main.js")

    assert (WANTED in found.files) is case[1], found
    assert "client/src/node_modules/api.js" not in found.files


@pytest.mark.parametrize(("number", "case"), numbered(PAGES), ids=PAGES)
def test_a_page_leads_to_its_scripts(snapshot, number, case):
    """By their address, or written into it."""
    assert (WANTED in reached(snapshot, f"client/page{number}.html").files) is case[1]


def test_what_cannot_be_followed_is_told(snapshot):
    """With the call and its module."""
    number = list(MODULES).index("what nobody knows")
    found = reached(snapshot, f"client/src/m{number}/main.js")

    assert found.unknown == [f"`import(name)` in `client/src/m{number}/main.js`"]

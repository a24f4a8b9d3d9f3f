"""Bad input meets the real command line: a refusal in three lines, nothing changed, no secret told.

Each case breaks one thing, runs, mends it, and runs the same command again.
"""

from contextlib import ExitStack

import psycopg
import pytest
import yaml

from tests.clients.conftest import MARK, Reply, Wire
from tests.operations.clones import git
from tests.operations.cloud import cloud, push
from tests.operations.databases import MAPPING
from tests.operations.desk import SCRIPTS, VARIABLES, Desk, clauses
from tests.operations.gates import HEALTHY, nowhere

CASES = {}


def case(tasks, *, says, fix=""):
    """Register a case: a generator that breaks something, and mends it when it goes on."""

    def register(generator):
        CASES[generator.__name__] = (generator, tasks, says, fix)
        return generator

    return register


@pytest.fixture
def desk(tmp_path):
    """An operator's folder with a world of its own."""
    folder = tmp_path / "desk"
    folder.mkdir()
    with ExitStack() as stack:
        yield Desk(folder, stack)
        cloud().standin.faults.forget()


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_three_lines_and_mended_by_the_same_command(desk, name):
    """Exit 1, what, why and next; the world as it was; no traceback, no secret; then it passes."""
    generator, tasks, says, fix = CASES[name]
    desk.runbook(*tasks)
    if {"8.1", "9.0.2"} & set(tasks):
        desk.with_databases()
    course = generator(desk)
    next(course)
    stood = desk.look()

    refused = desk.run()

    assert refused.code == 1, refused.said
    assert "Traceback" not in refused.said, refused.said
    what, why, following = clauses(refused.said)
    assert says in f"{what} {why}", refused.said
    assert fix in following, refused.said
    assert desk.leaks(refused) == [], refused.said
    assert desk.look() == stood, refused.said

    next(course, None)
    mended = desk.run()

    assert mended.code == 0, mended.said
    assert "all" in mended.closing[0], mended.said
    assert desk.leaks(mended) == [], mended.said
    assert desk.look() != stood or tasks == ("4.1",)


def fault(times=1000, path="/services*", **given):
    """Let Render fail."""
    cloud().standin.faults.take({"times": times, "path": path, **given})


RENDER = ("3.3", "2.2")


@case(RENDER, says="refused")
def render_is_not_there(desk):
    """Nothing listens at its address."""
    api = desk.common["render"]["api"]
    desk.common["render"] = desk.common["render"] | {"api": nowhere()}
    yield
    desk.common["render"] = desk.common["render"] | {"api": api}


@case(RENDER, says="within")
def render_is_silent(desk):
    """It takes the request and says nothing."""
    fault(delay_seconds=1.5)
    yield
    cloud().standin.faults.forget()


@case(RENDER, says="401", fix="key")
def the_key_is_refused(desk):
    """A key of somebody else."""
    good = desk.common["render"]
    desk.common["render"] = good | {"key": desk.secret("key", f"rnd_{MARK}")}
    yield
    desk.common["render"] = good


@case(RENDER, says="404")
def render_knows_no_such_call(desk):
    """An address without its version, say."""
    api = desk.common["render"]["api"]
    desk.common["render"] = desk.common["render"] | {"api": f"{api}/v2"}
    yield
    desk.common["render"] = desk.common["render"] | {"api": api}


@case(RENDER, says="429", fix="same command")
def render_limits_for_too_long(desk):
    """Every request is one too many."""
    fault(status=429, body={"message": "rate limit exceeded"})
    yield
    cloud().standin.faults.forget()


@case(RENDER, says="503", fix="incident")
def render_is_out_of_order(desk):
    """It stays so over all that is tried."""
    fault(status=503, body={"message": "unavailable"})
    yield
    cloud().standin.faults.forget()


@case(RENDER, says="not JSON")
def a_page_answers_for_render(desk):
    """A proxy that wants a login."""
    fault(body="<html>please log in</html>")
    yield
    cloud().standin.faults.forget()


@case(RENDER, says="no-such-service", fix="service.create")
def a_service_is_not_there(desk):
    """A name that is misspelt in the inventory."""
    name = desk.hosts["production"]["legacy_service"]
    desk.hosts["production"]["legacy_service"] = "no-such-service"
    yield
    desk.hosts["production"]["legacy_service"] = name


@case(RENDER, says="`RENDER_API_KEY` is not set", fix="export RENDER_API_KEY")
def a_secret_is_missing(desk):
    """The shell is a new one."""
    desk.common["render"] = desk.common["render"] | {"key": "env:RENDER_API_KEY"}
    yield
    desk.env["RENDER_API_KEY"] = cloud().standin.settings.key


@case(RENDER, says="the file is empty", fix="0600")
def a_secret_is_empty(desk):
    """The file was made and not filled."""
    desk.hosts["production"]["redis"] = desk.secret("redis", "")
    yield
    desk.secret("redis", "redis://127.0.0.1:1/0")


@case(RENDER, says="written out instead of named", fix="env:NAME")
def a_secret_is_bare(desk):
    """The key itself stands in the inventory; it is not repeated anywhere."""
    good = desk.common["render"]
    desk.common["render"] = good | {"key": cloud().standin.settings.key}
    yield
    desk.common["render"] = good


@case(RENDER, says="lacks `owner`")
def the_render_entry_is_cut_short(desk):
    """A key of the entry is missing."""
    good = desk.common["render"]
    desk.common["render"] = {key: good[key] for key in ("api", "key")}
    yield
    desk.common["render"] = good


@case(("9.0.2", "3.3"), says="password authentication failed")
def the_password_is_wrong(desk):
    """It was changed, and not here."""
    good = desk.databases.url["legacy"]
    head, _, tail = good.rpartition("@")
    (desk.folder / "legacy").write_text(f"{head.rpartition(':')[0]}:{MARK}@{tail}")
    yield
    (desk.folder / "legacy").write_text(good)


@case(("9.0.2", "3.3"), says="does not exist")
def the_database_is_not_there(desk):
    """A name that is misspelt."""
    good = desk.databases.url["legacy"]
    (desk.folder / "legacy").write_text(f"{good}_not")
    yield
    (desk.folder / "legacy").write_text(good)


@case(("9.0.2", "3.3"), says="URL")
def the_address_is_no_address(desk):
    """Something else was pasted."""
    good = desk.databases.url["legacy"]
    (desk.folder / "legacy").write_text(f"{MARK} is not an address")
    yield
    (desk.folder / "legacy").write_text(good)


@case(("4.1",), says="redis is error")
def the_redis_address_is_wrong(desk):
    """The services are the ones who reach it, and their health says so."""
    wire = Wire()
    desk.hosts["production"]["web_url"] = wire.url
    wire.on("GET", "/api/health", Reply(200, HEALTHY | {"redis": "error", "status": "degraded"}))
    yield
    wire.on("GET", "/api/health", Reply(200, HEALTHY))
    yield
    wire.close()


CLONE = ("2.2", "3.3")


@case(CLONE, says="no such remote repository", fix="remote -v")
def the_remote_is_not_there(desk):
    """It was moved, and the clone still names the old place."""
    git(desk.clone.path, "remote", "set-url", "origin", str(desk.folder / "gone.git"))
    yield
    git(desk.clone.path, "remote", "set-url", "origin", str(desk.clone.origin))


@case(CLONE, says="the remote does not allow this push", fix="branch rules")
def the_branch_is_protected(desk):
    """Until its rules are changed; nothing waits anywhere, and the same command makes it anew."""
    hook = desk.clone.origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho GH006: protected branch >&2\nexit 1\n")
    hook.chmod(0o755)
    yield
    hook.unlink()


@case(CLONE, says="branch `main` was not found", fix="`repository` in the inventory")
def the_branch_is_not_there(desk):
    """It was renamed."""
    git(desk.clone.origin, "branch", "--move", "main", "trunk")
    yield
    git(desk.clone.origin, "branch", "--move", "trunk", "main")


@case(CLONE, says="not a git repository", fix="git clone")
def the_clone_is_not_there(desk):
    """The path is misspelt."""
    good = desk.common["repository"]
    desk.common["repository"] = good | {"path": str(desk.folder / "memory")}
    (desk.folder / "memory").mkdir()
    yield
    desk.common["repository"] = good


@case(CLONE, says="not JSON", fix="package.json")
def package_json_is_no_json(desk):
    """Somebody left a comma."""
    good = (desk.clone.path / "package.json").read_text()
    push(desk.clone.path, "break it", **{"package.json": "{,}"})
    yield
    push(desk.clone.path, "mend it", **{"package.json": good})


@case(("8.1", "3.3"), says="known keys: also", fix="edit")
def the_mapping_has_an_unknown_key(desk):
    """A slip of the fingers, named with its line."""
    rules = yaml.safe_load(MAPPING.read_text())
    rules["tables"]["users"]["frmo"] = "users"
    mapping = desk.folder / "mapping.yaml"
    mapping.write_text(yaml.safe_dump(rules, sort_keys=False))
    desk.common["mapping"] = str(mapping)
    yield
    desk.common["mapping"] = str(MAPPING)


@case(("8.1", "3.3"), says="mapping")
def the_mapping_is_not_there(desk):
    """The path is misspelt."""
    desk.common["mapping"] = str(desk.folder / "no-mapping.yaml")
    yield
    desk.common["mapping"] = str(MAPPING)


@case(("8.1", "3.3"), says="nickname")
def the_mapping_does_not_know_a_column(desk):
    """A column that came since."""
    with psycopg.connect(desk.databases.url["legacy"], autocommit=True) as session:
        session.execute("alter table cadets add column nickname text")
    yield
    with psycopg.connect(desk.databases.url["legacy"], autocommit=True) as session:
        session.execute("alter table cadets drop column nickname")


@case(RENDER, says="does not know", fix="did you mean `legacy_url`?")
def an_inventory_key_is_unknown(desk):
    """A slip of the fingers, with the key it comes close to."""
    desk.hosts["production"]["legacy_ulr"] = desk.hosts["production"]["legacy_url"]
    yield
    del desk.hosts["production"]["legacy_ulr"]


@case(RENDER, says="lacks data `canaries`", fix="canaries")
def an_inventory_key_is_missing(desk):
    """It was left out."""
    canaries = desk.hosts["production"].pop("canaries")
    yield
    desk.hosts["production"]["canaries"] = canaries


@case(RENDER, says="`tables` of `repository` is not list but str", fix="tables")
def an_inventory_key_is_of_another_type(desk):
    """A text where a list should be."""
    tables, desk.common["tables"] = desk.common["tables"], "users"
    yield
    desk.common["tables"] = tables


@case((VARIABLES, SCRIPTS.replace('"2.2"', '"3.3"')), says="task `3.3` stands at", fix="task id")
def a_task_id_is_used_twice(desk):
    """A call that was copied."""
    yield
    desk.runbook("3.3", "2.2")


def test_a_limit_that_passes_is_waited_out(desk):
    """Two requests too many, and then it goes on; nobody has to do anything."""
    desk.runbook(*RENDER)
    fault(times=2, status=429, body={"message": "rate limit exceeded"})

    ran = desk.run()

    assert ran.code == 0, ran.said
    assert cloud().look(desk.services[0])[desk.services[0]]["env"].keys() == {
        "DATABASE_URL",
        "REDIS_URL",
    }


def test_a_passing_outage_is_waited_out(desk):
    """An answer that is cut off, and one of a proxy."""
    desk.runbook(*RENDER)
    fault(times=1, method="GET", drop=True)
    fault(times=1, method="GET", status=502, body="<html>bad gateway</html>")

    ran = desk.run()

    assert ran.code == 0, ran.said

"""What the gates before the night say, of real databases, a real clone and a workspace."""

import base64
from datetime import UTC, datetime, timedelta

import psycopg
from rehearsal.render.records import Database as Instance

from handrail.engine.finding import Verdict
from tests.clients.conftest import Reply
from tests.operations.clones import cloned
from tests.operations.cloud import cloud
from tests.operations.databases import OWNER, databases, server
from tests.operations.gates import outcome

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR


def both(stage, **more):
    """Ask about both databases of a case."""
    made = stage.stack.enter_context(databases())
    given = {"source": made.reference("legacy"), "destination": made.reference("django")}
    given["directory"] = str(stage.directory / "evidence")
    given |= {"sessions_let_be": {}, "render": cloud().inventory}
    return stage.ask("ready.databases_allow_it", **given | more)


def tell(statement):
    """Change the server."""
    with psycopg.connect(server().url("postgres"), autocommit=True) as session:
        session.execute(statement)


@outcome("ready.databases_allow_it", PASS)
def all_is_allowed(stage):
    """A role that owns both and may create a third; sizes and programs are recorded."""
    found = both(stage)
    assert found.facts["size_bytes"] > 0
    return found


@outcome("ready.databases_allow_it", FAIL)
def no_database_may_be_created(stage):
    """It would be found at the proof of the backup, after the freeze."""
    tell(f"alter role {OWNER} nocreatedb")
    stage.stack.callback(tell, f"alter role {OWNER} createdb")
    found = both(stage)
    assert "may not create a database" in found.why
    assert "CREATEDB" in found.fix
    return found


def watched(stage, **let_be):
    """Ask while a role that the owner may not end is connected."""
    made = stage.stack.enter_context(databases())
    name = made.url["legacy"].rpartition("/")[2]
    stage.stack.enter_context(psycopg.connect(server().url(name)))
    source = stage.file("watched", made.url["legacy"])
    return both(stage, source=source, sessions_let_be=let_be)


@outcome("ready.databases_allow_it", FAIL)
def a_session_would_write_on(stage):
    """Found before the freeze, by its role."""
    found = watched(stage)
    assert "sessions of rotc" in found.why
    return found


@outcome("ready.databases_allow_it", PASS)
def a_role_with_a_reason_may_stay(stage):
    """A provider's monitoring is nobody's to end."""
    return watched(stage, rotc="the provider's monitoring")


@outcome("ready.databases_allow_it", ERROR)
def one_is_not_there(stage):
    """Nobody can say what its role may."""
    made = stage.stack.enter_context(databases())
    gone = stage.file("gone", made.url["legacy"] + "_gone")
    return both(stage, source=gone)


def on_render(stage, **kept):
    """Ask about a legacy database whose host is an instance of Render's."""
    made = stage.stack.enter_context(databases())
    instance = Instance(
        "legacy", {"id": "tea-1", "name": "o", "email": "e", "type": "team"}, **kept
    )
    cloud().standin.workspace.databases[instance.id] = instance
    stage.stack.callback(cloud().standin.workspace.databases.pop, instance.id)
    parts = psycopg.conninfo.conninfo_to_dict(made.url["legacy"])
    parts |= {"host": f"{instance.id}.oregon-postgres.render.com", "hostaddr": parts["host"]}
    source = stage.file("on-render", psycopg.conninfo.make_conninfo("", **parts))
    return both(stage, source=source)


@outcome("ready.databases_allow_it", PASS)
def render_keeps_what_it_could_be_restored_to(stage):
    """Point-in-time recovery, or an export of today."""
    assert on_render(stage).passed
    return on_render(stage, recovery="NOT_AVAILABLE", exports=[datetime.now(UTC)])


@outcome("ready.databases_allow_it", FAIL)
def render_could_restore_it_from_nothing(stage):
    """The plan has no recovery, and the last export is of last week."""
    old = datetime.now(UTC) - timedelta(days=7)
    found = on_render(stage, plan="free", recovery="NOT_AVAILABLE", exports=[old])
    assert "from nothing" in found.why
    return found


def outside(stage, clone, **more):
    """Ask about what lies outside."""
    given = {"render": cloud().inventory, "repository": clone.inventory, "alerts": stage.alerts}
    given |= {"third_parties": {}, "cloudinary_variables": {}}
    return stage.ask("ready.outside_answers", **given | more)


@outcome("ready.outside_answers", PASS)
def all_answer(stage):
    """One alert, which says that it is a trial."""
    found = outside(stage, stage.stack.enter_context(cloned()))
    assert found.passed, found
    (alert,) = stage.alerted()
    assert "trial" in alert["text"]
    return found


@outcome("ready.outside_answers", FAIL)
def alerts_are_refused(stage):
    """They would be missed when they matter."""
    stage.hook.on("POST", "/alert", Reply(410, {}))
    return outside(stage, stage.stack.enter_context(cloned()))


@outcome("ready.outside_answers", ERROR)
def render_is_gone(stage):
    """Neither its services nor its clock."""
    nowhere = cloud().inventory | {"api": "http://127.0.0.1:9/v1"}
    return outside(stage, stage.stack.enter_context(cloned()), render=nowhere)


STORE = {"url": "{PREFIX}/v1_1/{CLOUD}/ping", "user": "{KEY}", "password": "{SECRET}"}
TOKEN = {"url": "{PREFIX}/me", "token": "{SECRET}", "header": "X-Key", "prefix": ""}


def third(stage, status, entry=STORE, **more):
    """Ask with a third party that answers like this; return the finding, and what it was asked."""
    stage.app.on("GET", "/v1_1/cloud/ping", Reply(status, {}))
    stage.app.on("GET", "/me", Reply(status, {}))
    secret = stage.file("third", "s3cret-of-a-third")
    variables = {"PREFIX": stage.app.url, "CLOUD": "cloud", "KEY": "k", "SECRET": secret}
    found = outside(
        stage,
        stage.stack.enter_context(cloned()),
        third_parties={"The store": entry},
        cloudinary_variables=variables | more,
    )
    assert "s3cret" not in repr(found)
    return found


@outcome("ready.outside_answers", PASS)
def a_third_party_takes_its_secret(stage):
    """By name and password, or by a token in a header of its own."""
    assert third(stage, 200).passed
    pair = base64.b64encode(b"k:s3cret-of-a-third").decode()
    (asked,) = stage.app.requests("GET", "/v1_1/cloud/ping")
    assert asked.headers["Authorization"] == f"Basic {pair}"
    found = third(stage, 204, TOKEN)
    (asked,) = stage.app.requests("GET", "/me")
    assert asked.headers["X-Key"] == "s3cret-of-a-third"
    return found


@outcome("ready.outside_answers", FAIL)
def a_third_party_refuses_the_secret(stage):
    """Found before the freeze: afterwards it would cost an outage."""
    unknown = third(stage, 404)
    assert "it knows no such account" in unknown.why
    found = third(stage, 401)
    assert "The store: The store does not take the secret" in found.why
    assert "put the valid secret" in found.fix
    return found


@outcome("ready.outside_answers", ERROR)
def nobody_knows_what_a_third_party_takes(stage):
    """It is ill, or the entry names what nobody sets: that is no refused secret."""
    misspelt = third(stage, 200, STORE | {"user": "{KEYS}"})
    assert "names a variable that nobody sets: `{KEYS}`" in misspelt.why
    assert misspelt.verdict is ERROR
    return third(stage, 200, TOKEN, PREFIX="http://127.0.0.1:9")

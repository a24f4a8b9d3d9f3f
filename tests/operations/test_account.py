"""What people and strangers do to an account on Render between two commands of the plan.

Each by pyinfra's own command line, over HTTP.
"""

import asyncio
import json
import threading
from contextlib import ExitStack, contextmanager

import cloudinary
import cloudinary.exceptions
import cloudinary.uploader
import pytest
from rehearsal.cloudinary import Account, Cloudinary
from rehearsal.render.blueprints import Blueprint
from rehearsal.render.records import EnvVar, Group

from tests.clients.conftest import MARK, Reply, Wire
from tests.operations.clones import cloned, git
from tests.operations.cloud import WEB, WORKER, cloud, push, unused, write_app
from tests.operations.desk import Desk, clauses
from tests.operations.gates import ADMIN, PASSWORD
from tests.rehearsal_world.test_render_blueprints import described, until

PUT = 'env.put(task="3", name="Set", on="production", services=[{!r}], variables={})\n'
RELEASE = """
from operations import deploy

deploy.release(task="4", name="Deploy", on="production", services=[{!r}])
"""
RED = """
from operations import job

job.passes(
    task="9", name="Check", on="production", service={!r}, command="exit 1", timeout_seconds=30
)
"""
PAUSE = """
from operations import sync

sync.pause(task="0.1", name="Stop pushes of render.yaml", on="production")
"""
CREATE = """
from operations import service

service.create(
    task="3.0", name="Create", on="production", services={{"web": {name!r}}}, asleep=[],
    definitions={{"web": {web!r}}}, addresses={{"web": here.web_url}},
)
smoke.accounts_sign_in(task="10", name="Sign in", on="production")
"""
UPLOAD = """
smoke.upload_is_served(task="10.1", name="Upload a file", on="production")
"""


@pytest.fixture
def desk(tmp_path):
    """An operator's folder, beside a clone of the tiny app, and whatever a test adds."""
    (tmp_path / "desk").mkdir()
    with ExitStack() as stack:
        made = Desk(tmp_path / "desk", stack)
        clone = stack.enter_context(cloned(write_app))
        made.common |= {
            "repository": clone.inventory,
            "root": "backend",
            "waiting": {"timeout_seconds": 1800, "poll_seconds": 1},
        }
        made.hosts["production"]["service_source"] = {"repo": str(clone.origin), "branch": "main"}
        yield made, clone


@pytest.fixture
def released(desk):
    """A worker that was deployed with a secret, and the function that runs the plan again."""
    place, clone = desk
    name = unused("worker")
    cloud().add(cloud().service(name, clone.origin, WORKER), deploy=False)
    place.stack.callback(cloud().remove, name)
    place.runbook(PUT.format(name, '{"REDIS_URL": here.redis}'), RELEASE.format(name))
    assert place.run().code == 0
    return place, name


def deploys(name):
    """Return how many deploys a service has."""
    return len(cloud().running(name).deploys)


def test_a_secret_that_was_rotated_after_the_deploy_is_deployed(released):
    """It was stored, and nothing that ran used it; a third time nothing is to be done.

    A plan says so of both: of the variable, and of the deploy that is to follow.
    """
    desk, name = released
    desk.secret("redis", f"redis://:{MARK}-rotated@127.0.0.1:1/0")

    plan, again, third = desk.run("--dry"), desk.run(), desk.run()

    told = " ".join(plan.said.split())
    assert f"`REDIS_URL` on `{name}` has another value" in told, plan.said
    assert "3 changes what it is made of" in told
    assert "2 would run" in told
    assert "unchanged" not in told
    assert (again.code, third.code) == (0, 0), again.said
    assert deploys(name) == 2
    assert not desk.leaks(again)


@pytest.mark.parametrize("code_too", [False, True], ids=["a variable", "code and a variable"])
def test_a_red_release_gives_back_the_variables_that_ran(desk, released, code_too):
    """What is stored and what runs, by the deploy that had them; the next release starts afresh."""
    place, name = released
    before, stored = cloud().running(name).live, cloud().look(name)[name]["env"]
    runbook = place.folder / "few.py"
    runbook.write_text(
        runbook.read_text().replace("begin(NEEDS)", "begin(NEEDS, recurs=True, back_when_red=True)")
        + RED.format(name)
    )
    place.secret("redis", f"redis://:{MARK}-rotated@127.0.0.1:1/0")
    if code_too:
        push(desk[1].path, "change the backend", backend__note="new\n")

    red = place.run()

    assert red.code == 1, red.said
    assert "not proven" not in red.said
    now = cloud().running(name)
    assert now.live.snapshot.env == before.snapshot.env
    assert now.live.commit == before.commit
    assert cloud().look(name)[name]["env"] == stored
    assert deploys(name) == 3  # the first, the red one, and the way back
    plan = place.run("--dry")
    assert "2 would run" in plan.said, plan.said


def test_a_value_of_a_linked_group_that_changed_is_told_and_deployed_on_demand(released):
    """Somebody changed it, so it is not done unasked; changed back, all is as it was."""
    desk, name = released
    owner, service = cloud().standin.settings.owner_id, cloud().running(name).service
    group = Group("shared", owner, env={"HOST": "one"}, services=[service.id])
    cloud().standin.workspace.groups[group.id] = group
    desk.stack.callback(cloud().standin.workspace.groups.pop, group.id)

    _, why, fix = clauses(desk.run().said)

    assert "was not started with the variables and settings that are stored" in why
    assert "drift=4:redo" in fix
    assert desk.run("--data", "drift=4:redo", "--data", "reason=ours").code == 0
    assert deploys(name) == 2
    group.env["HOST"] = "two"
    group.env["HOST"] = "one"
    assert desk.run().code == 0
    assert deploys(name) == 2


def test_a_value_that_was_corrected_in_the_inventory_is_set_under_the_same_task(desk):
    """As our own refusals say to do; the way back leads to what was there first."""
    place, _ = desk
    name = place.services[0]
    service = cloud().running(name).service
    service.env = [EnvVar("HOSTS", "before")]
    place.runbook(PUT.format(name, {"HOSTS": "a"}))
    assert place.run().code == 0
    place.runbook(PUT.format(name, {"HOSTS": "a,b"}))

    assert place.run().code == 0
    assert [each.value for each in service.env] == ["a,b"]

    place.runbook(PUT.format(name, {"HOSTS": "a,b", "MORE": "c"}))
    assert "changed something else already in this run" in place.run().said
    assert place.roll_back().code == 0
    assert [each.value for each in service.env] == ["before"]


def test_every_blueprint_of_the_repository_is_paused_and_a_push_makes_nothing(desk):
    """A stranger's goes on; the way back lets those sync that did."""
    place, clone = desk
    ours, theirs = unused("made"), unused("made")
    other = place.stack.enter_context(cloned(write_app))
    place.stack.callback(cloud().remove, ours, theirs)
    seen = {"seen": git(clone.path, "rev-parse", "HEAD")}
    found = [
        Blueprint("app", str(clone.origin), **seen),
        Blueprint("next", f"{clone.origin}/", **seen),
        Blueprint("rests", str(clone.origin), auto_sync=False, **seen),
        Blueprint("stranger", str(other.origin), seen=git(other.path, "rev-parse", "HEAD")),
    ]
    attached = cloud().standin.blueprints.attached
    for each in found:
        attached[each.id] = each
        place.stack.callback(attached.pop, each.id, None)
    place.runbook(PAUSE)

    assert "by Blueprint app and next" in place.run("--dry").said
    assert place.run().code == 0

    assert [each.auto_sync for each in found] == [False, False, False, True]
    push(clone.path, "describe", **{"render.yaml": described(ours)})
    push(other.path, "describe", **{"render.yaml": described(theirs)})
    assert until(lambda: cloud().look(theirs)[theirs] is not None)
    assert cloud().look(ours)[ours] is None
    assert place.roll_back().code == 0
    assert [each.auto_sync for each in found] == [True, True, False, True]


def test_a_blueprint_that_was_disconnected_meanwhile_keeps_no_other_from_going_back(desk):
    """What is gone is told, after the rest was put back."""
    place, clone = desk
    found = [Blueprint("gone", str(clone.origin)), Blueprint("stays", str(clone.origin))]
    attached = cloud().standin.blueprints.attached
    for each in found:
        attached[each.id] = each
        place.stack.callback(attached.pop, each.id, None)
    place.runbook(PAUSE)
    assert place.run().code == 0
    del attached[found[0].id]

    back = place.roll_back()

    assert back.code == 0, back.said
    assert f"Blueprint `{found[0].id}` was disconnected" in " ".join(back.said.split())
    assert found[1].auto_sync


def test_where_a_name_is_taken_no_password_goes_to_the_address_in_the_inventory(desk):
    """Neither by a plan nor by a run; once it is written as is said, there is a way back, too."""
    place, _ = desk
    name, stranger = unused("taken"), Wire()
    place.stack.callback(stranger.close)
    place.stack.callback(cloud().remove, name)
    place.stack.callback(cloud().standin.faults.forget)
    cloud().standin.faults.take({"kind": "name_taken", "service": name})
    let_in(place, stranger)
    place.runbook(CREATE.format(name=name, web=WEB))

    assert place.run("--dry").code == 0
    ran = place.run()

    _, why, fix = clauses(ran.said)
    given = cloud().running(name).service.url
    assert ran.code == 1
    assert f"gave `{name}` the address {given}, and the inventory says {stranger.url}" in why
    assert f"wherever it says `{stranger.host}`" in fix
    assert stranger.seen == []
    place.runbook(CREATE.format(name=name, web=WEB).partition("smoke.")[0])
    place.hosts["production"]["web_url"] = given
    assert place.run().code == 0
    assert place.roll_back().code == 0
    assert cloud().look(name)[name]["suspended"]


def let_in(desk, app):
    """Let the inventory name an application, and an account that it knows."""
    app.on("POST", "/api/v1/auth/login", Reply(200, {"access": "token", "user": ADMIN}))
    account = {"username": "admin", "password": PASSWORD, "role": "admin"}
    canaries = desk.secret("canaries", json.dumps([account]))
    desk.hosts["production"] |= {"web_url": app.url, "canaries": canaries}


@contextmanager
def file_store(directory):
    """Cloudinary's stand-in, in a thread of its own."""
    served = Cloudinary(directory, [Account("rotc", "1234", "right")])
    ready, ends = threading.Event(), []

    async def serve():
        ended = asyncio.Event()
        ends.append((asyncio.get_running_loop(), ended))
        await served.start()
        ready.set()
        await ended.wait()
        served.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield served
    finally:
        ends[0][0].call_soon_threadsafe(ends[0][1].set)
        thread.join(10)


def test_a_wrong_secret_of_the_file_store_closes_the_gate_before_users_switch(desk, tmp_path):
    """In the store's own word; with the right one the same command goes on."""
    place, _ = desk
    name, app = place.services[0], Wire()
    place.stack.callback(app.close)
    store = place.stack.enter_context(file_store(tmp_path / "store"))

    def upload(seen):
        """Keep the file as the application does: with what is stored for its service."""
        secret = next(each.value for each in cloud().running(name).service.env)
        start, end = seen.body.index(b"\x89PNG"), seen.body.index(b"IEND") + 8
        signed = {"cloud_name": "rotc", "api_key": "1234", "api_secret": secret}
        cloudinary.reset_config()
        cloudinary.config(**signed, upload_prefix=store.url)
        try:
            kept = cloudinary.uploader.upload(seen.body[start:end], resource_type="auto")
        except cloudinary.exceptions.Error as error:
            return Reply(502, {"error": "upload_failed", "message": str(error)})
        return Reply(201, {"url": kept["secure_url"]})

    let_in(place, app)
    app.on("POST", "/api/v1/uploads/", upload)
    reference = place.secret("store", f"{MARK}-wrong")
    place.runbook(PUT.format(name, {"CLOUDINARY_API_SECRET": reference}), UPLOAD)

    wrong = place.run()

    _, why, fix = clauses(wrong.said)
    assert wrong.code == 1
    assert "answered 502 Invalid Signature" in why
    assert "the variables of the file store" in fix
    assert not place.leaks(wrong)
    place.secret("store", "right")
    assert place.run().code == 0

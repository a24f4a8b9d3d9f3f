"""A service that is on Render already is compared with its description, not taken on trust."""

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.render import Render, Service
from handrail.clients.site import script
from handrail.engine.clause import ask, chosen
from operations.descriptions import body_of, changes, patch_of
from operations.service import create, create_site
from operations.service.create import make, put_to_sleep, services_are_made
from operations.service.create_site import site_serves
from operations.waiting import Waiting
from tests.operations.clones import cloned
from tests.operations.cloud import WEB, WORKER, cloud, unused, write_app
from tests.operations.test_interrupted import perform

SOURCE = {"repo": "https://github.com/org/app.git", "branch": "main"}


@pytest.fixture
def found():
    """Put a service into the workspace, and ask the claim of it."""
    names = []

    def put(definition=WEB, url=None, repo=SOURCE["repo"], **more):
        name = unused("found")
        names.append(name)
        service = cloud().service(name, repo, definition, **more)
        cloud().add(service, deploy=False)
        address = {"web": service.url if url is None else url}
        render = Render.from_inventory(cloud().inventory)
        given = ({"web": name}, {"web": WEB}, SOURCE, address, [])
        return name, render, services_are_made(render, *given)

    yield put
    cloud().remove(*names)


def test_a_service_that_is_as_described_is_taken(found):
    """The ending of the repository's address does not matter."""
    assert found(repo="https://github.com/org/app")[2].passed


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("branch", "develop", "branch"),
        ("root_dir", "server", "rootDir"),
        ("build_command", "make", "buildCommand"),
        ("start_command", "node index.js", "startCommand"),
        ("health_path", "/old", "healthCheckPath"),
        ("pre_deploy_command", "python manage.py migrate", "preDeployCommand"),
        ("plan", "free", "plan"),
    ],
)
def test_another_setting_is_told_and_mended(found, setting, value, said):
    """What Render lets be changed is changed, and reads as described afterwards."""
    name, render, claim = found(**{setting: value})

    assert claim.why == f"`{name}` has another {said}"
    make(render, name, WEB, SOURCE)
    again = services_are_made(render, {"web": name}, {"web": WEB}, SOURCE, {}, [])
    assert again.passed, again


def test_a_health_path_that_the_description_leaves_out_is_told_and_taken_away(found):
    """Render would ask for it, and no deploy of a service that has no such path would go live."""
    tcp = {key: value for key, value in WEB.items() if key != "healthCheckPath"}
    name, render, _ = found(health_path="/old")
    given = ({"web": name}, {"web": tcp}, SOURCE, {}, [])

    assert services_are_made(render, *given).why == f"`{name}` has another healthCheckPath"
    make(render, name, tcp, SOURCE)

    assert services_are_made(render, *given).passed
    assert cloud().running(name).service.health_path == ""


@pytest.mark.parametrize(
    ("definition", "more", "why"),
    [
        (WORKER, {}, "is a background_worker, not a web_service"),
        (WEB, {"runtime": "node"}, "has the runtime node, not python"),
        (WEB, {"region": "frankfurt"}, "has the region frankfurt, not oregon"),
    ],
)
def test_a_stranger_of_that_name_is_refused_and_left_alone(found, definition, more, why):
    """It may be somebody's, and what cannot be changed is not deleted either."""
    name, render, claim = found(definition, **more)
    before = cloud().look(name)

    assert claim.why == f"`{name}` {why}"
    with pytest.raises(ClientError, match="was left as it is"):
        make(render, name, WEB, SOURCE)
    assert cloud().look(name) == before


def test_an_address_that_the_inventory_does_not_know_is_refused(found):
    """Names are one name space: passwords would be sent to whoever has the address we expected."""
    claim = found(url="https://taken.onrender.com")[2]

    assert "and the inventory says https://taken.onrender.com" in claim.why
    assert "may belong to somebody else" in claim.fix


def test_a_service_that_sleeps_until_its_task_is_suspended_though_it_was_found_awake(found):
    """Beat deletes old rows at night; it must not run before the rows are verified."""
    name, render, _ = found()
    given = ({"web": name}, {"web": WEB}, SOURCE, {}, ["web"])

    assert "is not suspended yet" in services_are_made(render, *given).why
    put_to_sleep(render, name)

    assert services_are_made(render, *given).passed
    assert cloud().look(name)[name]["suspended"]


def test_a_first_deploy_that_nobody_asked_for_is_cancelled(found):
    """A Blueprint that synced before it was paused began it; nothing is configured yet."""
    with cloned(write_app) as clone:
        name, render, _ = found(repo=str(clone.origin), build_command="sleep 5")
        cloud().ask(name)

        make(render, name, WEB, SOURCE)

        cloud().settle(name)
        assert [each.status for each in cloud().running(name).deploys] == ["canceled"]


def test_a_frontend_that_node_served_gets_a_site_built_for_node_first():
    """Then there is something to switch, and a build that the way back leads to."""
    name = unused("frontend")
    with cloned(write_app) as clone:
        url = cloud().do(cloud().reserved(name))
        live = {
            "render": Render.from_inventory(cloud().inventory),
            "frontend_service": name,
            "frontend_url": url,
            "site": {"rootDir": "site", "buildCommand": "sh build.sh", "staticPublishPath": "dist"},
            "service_source": {"repo": str(clone.origin), "branch": "main"},
            "variables": {"VITE_API_URL": "https://node.example"},
            "waiting": Waiting(30, 0.05),
        }
        contract = create_site.contract
        try:
            assert "Node serves the frontend until now" in ask(contract.ensures, live).why
            shown = contract.preview(**chosen(contract.preview, live))
            assert f"`{name}` is made at {url}, built with VITE_API_URL=https://node" in shown

            perform(contract.body, live, None)

            assert ask(contract.ensures, live).passed
            assert "https://node.example" in script(url)
            assert len(cloud().running(name).deploys) == 1
        finally:
            cloud().remove(name)


def test_a_service_that_is_no_site_is_not_taken_for_one(found):
    """Where Node itself bears the frontend's name, another name is asked for."""
    name, render, _ = found()
    claim = site_serves(render, name, "https://anything.example")

    assert claim.why == f"`{name}` is a web_service, not a static_site"
    assert "choose another name" in claim.fix


DOCKER = {
    "type": "web",
    "runtime": "docker",
    "plan": "pro plus",
    "region": "oregon",
    "dockerfilePath": "./backend/Dockerfile",
    "dockerContext": "backend",
    "numInstances": 2,
    "disk": {"name": "data", "mountPath": "/data", "sizeGB": 5},
    "buildFilter": {"paths": ["backend/**"]},
}


def test_a_service_that_docker_builds_is_made_and_compared_by_its_own_keys():
    """A plan is spelt otherwise in the API; a whole repository has no folder of its own."""
    body = body_of("api", DOCKER, SOURCE, "tea-1")

    assert body["buildFilter"] == {"paths": ["backend/**"]}
    assert "rootDir" not in body
    assert body["serviceDetails"] == {
        "runtime": "docker",
        "region": "oregon",
        "plan": "pro_plus",
        "numInstances": 2,
        "disk": {"name": "data", "mountPath": "/data", "sizeGB": 5},
        "envSpecificDetails": {
            "dockerfilePath": "./backend/Dockerfile",
            "dockerContext": "backend",
        },
    }
    told = body["serviceDetails"] | {"envSpecificDetails": {
        "dockerfilePath": "backend/Dockerfile", "dockerContext": "./backend/", "dockerCommand": "",
    }}  # fmt: skip
    found = Service.from_api({
        "id": "srv-1", "name": "api", "type": "web_service", "suspended": "not_suspended",
        "autoDeploy": "no", "serviceDetails": told, **SOURCE,
    })  # fmt: skip
    assert changes(found, DOCKER, SOURCE) == {}
    other = changes(found, DOCKER | {"dockerCommand": "serve", "plan": "standard"}, SOURCE)
    assert patch_of(other) == {
        "serviceDetails": {"plan": "standard", "envSpecificDetails": {"dockerCommand": "serve"}}
    }


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"type": "cron"}, "is of the type cron"),
        ({"runtime": "image"}, "is made from an image"),
        ({"scaling": {"minInstances": 1}}, "has `scaling`, which is not given to Render here"),
        ({"runtime": "python"}, "has no `buildCommand`; `web` has no `startCommand`"),
        ({"runtime": ""}, "has no `runtime`"),
    ],
)
def test_a_description_that_nothing_can_be_made_of_is_told_before_anything_is(more, why):
    """Not by a traceback in the middle, and no key of it is left out in silence."""
    claim = ask(create.contract.requires[0], {"definitions": {"web": DOCKER | more}})

    assert why in claim.why
    with pytest.raises(ClientError, match="was not made"):
        body_of("api", DOCKER | more, SOURCE, "tea-1")


def test_a_service_that_billing_suspended_is_not_waited_for(found):
    """Nobody but Render starts it again, however long one waits."""
    name, render, _ = found(suspended=True)
    service = cloud().running(name).service
    cloud().standin.faults.take({
        "path": f"/services/{service.id}", "times": 9,
        "merge": {"suspended": "suspended", "suspenders": ["billing"]},
    })  # fmt: skip
    try:
        with pytest.raises(ClientError) as caught:
            render.resume(service.id)
    finally:
        cloud().standin.faults.forget()

    assert caught.value.why == "it is suspended by billing"

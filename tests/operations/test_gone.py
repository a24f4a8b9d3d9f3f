"""What was there before and is gone for good leaves no receipt open on the way back."""

import pytest

from handrail.clients.render import Render
from handrail.clients.secret import Secret
from handrail.engine import snapshot
from handrail.engine.clause import chosen
from operations import deploy, env, frontend, service, trial
from operations.waiting import Waiting
from tests.operations.clones import cloned
from tests.operations.cloud import WEB, cloud, unused, write_app
from tests.operations.test_interrupted import perform
from tests.operations.test_under_way import released, serving

SERVED = {"commit": "c" * 40, "coming": "f" * 40, "script_sha256": "0" * 64}
SOURCE = {"repo": "https://github.com/org/app.git", "branch": "main"}
RAN = {"commit": "c" * 40, "deploy": "dep-1", "coming": None}
FOUND = {"runs": True, "autodeploy": True, "settings": {"startCommand": "true"}}


def left(contract, live, before):
    """Return what a way back says is gone, and whether all the rest is as it was before."""
    gone = contract.gone(**chosen(contract.gone, live | {"before": before}))
    now = contract.captures(**chosen(contract.captures, live))
    return gone, snapshot.without(now, gone) == snapshot.without(before, gone)


@pytest.mark.parametrize(
    ("step", "before"),
    [
        (env.put, {"DEBUG": Secret.of("true")}),
        (env.generate_key, {"SECRET_KEY": Secret.of("k")}),
        (service.pause_autodeploy, True),
        (service.suspend, True),
        (service.create, FOUND),
        (deploy.release, RAN),
    ],
    ids=lambda each: getattr(getattr(each, "contract", None), "name", ""),
)
def test_a_service_that_was_deleted_ends_the_way_back_in_words(step, before, tmp_path):
    """Nothing of it is left to put back; one that never was anything is not told of."""
    name, never = unused("deleted"), unused("never")
    contract, names = step.contract, [name, never]
    live = {
        "render": Render.from_inventory(cloud().inventory),
        "services": dict(zip("ab", names, strict=True)) if step is service.create else names,
        "definitions": {"a": WEB, "b": WEB},
        "service_source": SOURCE,
        "variables": ["DEBUG"],
        "variable": "SECRET_KEY",
        "directory": str(tmp_path),
        "waiting": Waiting(1, 0.01),
    }
    nothing = contract.captures(**chosen(contract.captures, live))[never]
    was = {name: before, never: nothing}

    perform(contract.rollback, live | {"before": was}, None)
    gone, rest = left(contract, live, was)

    assert list(gone) == [name]
    assert "was deleted on Render, or renamed" in gone[name]
    assert rest


@pytest.mark.parametrize("step", [frontend.release, trial.switch_back])
def test_a_site_that_was_deleted_ends_the_way_back_in_words(step, tmp_path):
    """Its variables and what it served went with it."""
    contract, name = step.contract, unused("deleted")
    live = {
        "render": Render.from_inventory(cloud().inventory),
        "frontend_service": name,
        "frontend_url": "http://127.0.0.1:9",
        "variables": {"VITE_API_URL": "x"},
        "directory": str(tmp_path),
        "run": "r",
        "waiting": Waiting(1, 0.01),
    }
    own = {"variables": {"VITE_API_URL": None}} if step is frontend.release else {"recorded": False}
    before = {**own, "served": SERVED}

    perform(contract.rollback, live | {"before": before}, None)
    gone, rest = left(contract, live, before)

    assert "was deleted on Render, or renamed" in gone["served"]
    assert rest


def test_a_deploy_of_somebody_else_that_was_under_way_leaves_no_receipt_open():
    """It has ended since, so nothing reads as before; that is told, once nothing is under way."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        cloud().ask(name)
        before = contract.captures(**chosen(contract.captures, live))
        assert before[name]["coming"]
        assert left(contract, live, before) == ({}, True), "it is still under way"

        perform(contract.rollback, live | {"before": before}, None)
        gone, rest = left(contract, live, before)

        assert "somebody else's deploy, under way when the step began, has ended" in gone["coming"]
        assert rest


def test_a_service_that_is_there_is_not_gone():
    """Whatever became of it."""
    with cloned(write_app) as clone:
        name = unused("there")
        cloud().add(cloud().service(name, clone.origin), deploy=False)
        try:
            render = Render.from_inventory(cloud().inventory)
            live = {"render": render, "services": [name], "before": {name: True}}
            assert (
                service.suspend.contract.gone(**chosen(service.suspend.contract.gone, live)) == {}
            )
        finally:
            cloud().remove(name)

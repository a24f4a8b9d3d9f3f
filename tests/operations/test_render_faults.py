"""What goes wrong on Render is told in the right word, and the same command finishes afterwards.

A slice of the campaign in tests/chaos: each fault once, at the step that meets it.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.ready.claim import NotReady
from handrail.clients.ready.clock import http_clock_agrees
from handrail.clients.render import Render
from handrail.engine.clause import ask
from operations import deploy, env, job
from operations.service import create
from operations.variables import Variables
from tests.operations.clones import cloned
from tests.operations.cloud import WEB, cloud, unused, write_app
from tests.operations.test_interrupted import perform
from tests.operations.test_under_way import released, serving

STOPS = [
    ("build_failure", "the build failed"),
    ("out_of_memory", "ran out of memory"),
    ("health_timeout", "it was not healthy"),
    ("override_queue", "a newer one replaced it"),
]


@pytest.fixture(autouse=True)
def _all_is_well_again():
    """Leave no fault behind."""
    yield
    cloud().standin.faults.forget()


def arm(**fault):
    """Let something go wrong on Render."""
    cloud().standin.faults.take(fault)


def statuses(name):
    """Return how the deploys of a service ended, the first made first."""
    cloud().settle(name)
    return [each.status for each in cloud().running(name).deploys]


@pytest.mark.parametrize(("kind", "word"), STOPS, ids=[kind for kind, _ in STOPS])
def test_a_deploy_that_fails_says_why_and_the_same_command_finishes(kind, word):
    """What served goes on meanwhile; the second time starts one deploy, not two."""
    with serving() as (clone, name):
        contract = deploy.release.contract
        arm(kind=kind, service=name)

        with pytest.raises(ClientError) as caught:
            perform(contract.body, released(clone, name), None)

        assert word in caught.value.why
        assert f"`{name}`" in caught.value.what
        before = statuses(name)
        again = released(clone, name)
        perform(contract.body, again, None)
        assert ask(contract.ensures, again).passed
        after = statuses(name)
        assert len(after) == len(before) + 1
        assert after.count("live") == 1


def test_a_crash_after_going_live_is_not_taken_for_a_failed_deploy():
    """Render starts the instance again; the deploy is live, and nothing is deployed twice."""
    with serving() as (clone, name):
        contract, live = deploy.release.contract, released(clone, name)
        arm(kind="crash_after_live", service=name)

        perform(contract.body, live, None)

        assert ask(contract.ensures, live).passed
        assert statuses(name) == ["deactivated", "live"]
        events = cloud().standin.workspace.events_of(cloud().running(name).service.id)
        assert any(each["type"] == "server_failed" for each in events)


@pytest.mark.parametrize("fault", [{"cut": True}, {"stale": True}], ids=["truncated", "stale"])
def test_variables_are_set_though_reads_are_cut_or_late(fault):
    """An answer cut in its middle is none; one from before the write is asked for again."""
    with cloned(write_app) as clone:
        name = unused("faulty")
        cloud().add(cloud().service(name, clone.origin), deploy=False)
        arm(path=f"/services/{cloud().running(name).service.id}/env-vars", times=2, **fault)
        live = {
            "render": Render.from_inventory(cloud().inventory),
            "services": [name],
            "variables": Variables.from_inventory({"DEBUG": "false"}),
        }
        try:
            ask(env.put.contract.ensures, live)
            perform(env.put.contract.body, live, None)
            assert ask(env.put.contract.ensures, live).passed
            assert cloud().look(name)[name]["env"] == {"DEBUG": "false"}
        finally:
            cloud().remove(name)


def test_a_job_waits_for_logs_that_arrive_late():
    """Its exit status and its words are in them."""
    with serving() as (_, name):
        arm(log_lag_seconds=1.5)
        given = {"render": Render.from_inventory(cloud().inventory), "service": name}
        given |= {"command": "echo said late; exit 3", "timeout_seconds": 30}

        found = ask(job.passes.contract.ensures, given)

        assert found.why.endswith(f"ended with status 3 on `{name}`: said late")


@contextmanager
def to_be_made():
    """Arguments of the step that makes a service nobody has made yet."""
    name = unused("new")
    with cloned(write_app) as clone:
        address = cloud().do(cloud().reserved(name))
        live = {
            "render": Render.from_inventory(cloud().inventory),
            "services": {"web": name},
            "definitions": {"web": WEB},
            "service_source": {"repo": str(clone.origin), "branch": "main"},
            "addresses": {"web": address},
            "asleep": [],
        }
        try:
            yield SimpleNamespace(name=name, live=live, contract=create.contract)
        finally:
            cloud().remove(name)


def test_a_name_that_somebody_else_has_is_told_and_nothing_is_made_twice():
    """Passwords would go to a stranger's address. The operator frees it; then the same again."""
    with to_be_made() as made:
        arm(kind="name_taken", service=made.name)
        perform(made.contract.body, made.live, None)

        found = ask(made.contract.ensures, made.live)

        assert "and the inventory says" in found.why
        assert "may belong to somebody else" in found.fix
        cloud().remove(made.name)
        again = made.live | {"render": Render.from_inventory(cloud().inventory)}
        perform(made.contract.body, again, None)
        assert ask(made.contract.ensures, again).passed
        names = [each.service.name for each in cloud().standin.workspace.services.values()]
        assert names.count(made.name) == 1


def test_a_clock_that_is_wrong_is_told_before_the_night():
    """Two minutes: nobody could order what happened."""
    arm(clock_ahead_seconds=120)

    with pytest.raises(NotReady, match=r"1[12][0-9] s ahead of this machine's"):
        http_clock_agrees(f"{cloud().standin.url}/users")

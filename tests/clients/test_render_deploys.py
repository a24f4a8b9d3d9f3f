"""Deploys of Render: begun once, followed to the end, explained when they fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.clients.errors import ClientError
from handrail.clients.patience import pause
from tests.clients.conftest import Reply
from tests.clients.render_wire import WEB, RenderWire

DEPLOYS = f"/services/{WEB}/deploys"


@pytest.fixture
def world(wire):
    """A workspace with one service and one live deploy."""
    world = RenderWire(wire)
    world.begin(status="live", trigger="new_commit")
    return world


def test_a_deploy_is_begun_with_what_was_asked(render, world, wire):
    """Commit and cache go out as Render spells them."""
    deploy = render.start_deploy(WEB, commit="abc", clear_cache=True)

    assert (deploy.id, deploy.status, deploy.commit) == (
        world.deploys[0]["id"], "build_in_progress", "abc",
    )  # fmt: skip
    assert wire.requests("POST", DEPLOYS)[0].json() == {"commitId": "abc", "clearCache": "clear"}
    assert deploy.created_at.utcoffset().total_seconds() == 0


def test_deploy_only_with_a_commit_is_refused_before_it_is_sent(render, world):
    """Render would refuse it, and the reason is known here."""
    with pytest.raises(ClientError, match="builds nothing"):
        render.start_deploy(WEB, commit="abc", mode="deploy_only")

    assert world.posts() == 0


def test_deploy_only_goes_out_alone(render, world, wire):
    """The mode that reuses the last build."""
    render.start_deploy(WEB, mode="deploy_only")

    assert wire.requests("POST", DEPLOYS)[0].json() == {"deployMode": "deploy_only"}


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(500), Reply(502, "<html>")])
def test_an_accepted_deploy_whose_answer_was_lost_is_adopted(render, world, wire, reply):
    """Exactly one deploy results, and it is the one returned."""

    def accepted(seen):
        world.begin(seen)
        return reply

    wire.on("POST", DEPLOYS, accepted)

    deploy = render.start_deploy(WEB)

    assert world.posts() == 1
    assert len(world.deploys) == 2
    assert deploy.id == world.deploys[0]["id"]


def test_a_deploy_by_a_push_is_not_taken_for_ours(render, world, wire, time):
    """While our request was lost somebody pushed: that deploy has another trigger."""

    def lost(seen):
        world.begin(trigger="new_commit")
        return Reply(drop=True)

    wire.on("POST", DEPLOYS, lost)

    with pytest.raises(ClientError, match="no deploy that it made has appeared") as caught:
        render.start_deploy(WEB)

    assert world.posts() == 1
    assert "https://dashboard.render.com/web/" in caught.value.fix
    assert sum(time.slept) == 20


def test_a_deploy_of_another_commit_is_not_taken_for_ours(render, world, wire):
    """Another operator's request at the same moment names another commit."""

    def lost(seen):
        world.begin(commit={"id": "ffff"})
        return Reply(drop=True)

    wire.on("POST", DEPLOYS, lost)

    with pytest.raises(ClientError, match="no deploy that it made"):
        render.start_deploy(WEB, commit="abcd")


def test_a_queued_deploy_without_a_body_is_found(render, world, wire, time):
    """202 says it waits; its row appears a moment later."""

    def queued(seen):
        wire.on("GET", DEPLOYS, world._list_deploys, late)
        return Reply(202)

    def late(seen):
        if len(world.deploys) == 1:
            world.begin(status="queued")
        return world._list_deploys(seen)

    wire.on("POST", DEPLOYS, queued)

    deploy = render.start_deploy(WEB)

    assert deploy.status == "queued"
    assert world.posts() == 1


def test_a_refused_deploy_says_why(render, world, wire):
    """A state conflict is told as Render tells it, and nothing is adopted."""
    wire.on("POST", DEPLOYS, Reply(409, {"message": "service is suspended"}))

    with pytest.raises(ClientError, match="409: service is suspended"):
        render.start_deploy(WEB)


def test_a_limited_deploy_waits_for_its_turn(render, world, wire, time):
    """Ten a minute a service; the eleventh waits as told and is begun once."""
    limited = Reply(429, {"message": "rate limited"}, {"Ratelimit-Reset": "40"})
    wire.on("POST", DEPLOYS, limited, world.begin)

    render.start_deploy(WEB)

    assert time.slept[0] >= 40
    assert len(world.deploys) == 2


def test_waiting_ends_when_it_is_live_and_tells_each_status(render, world):
    """Statuses nobody told us of are waited out."""
    deploy_id = world.begin().body["id"]
    world.walk(
        deploy_id, "created", "build_in_progress", "build_in_progress", "being_polished",
        "update_in_progress", "live",
    )  # fmt: skip
    told = []

    deploy = render.wait_for_deploy(WEB, deploy_id, 600, 5, lambda seen: told.append(seen.status))

    assert deploy.succeeded
    assert told == [
        "created", "build_in_progress", "being_polished", "update_in_progress", "live",
    ]  # fmt: skip


def test_looks_become_rarer_the_longer_a_deploy_takes(render, world, time):
    """A site is live in seconds, a first build in minutes."""
    deploy_id = world.begin().body["id"]
    world.walk(deploy_id, *["build_in_progress"] * 8, "live")

    render.wait_for_deploy(WEB, deploy_id, 600, 2)

    assert time.slept == [2, 2, 4, 8, 16, 20, 20, 20]


@given(ends=st.floats(1, 3600), shortest=st.floats(0.1, 10))
def test_an_end_is_seen_soon_after_it_by_few_looks(ends, shortest):
    """Late by the least pause, or as long as it took, or the greatest."""
    now, looks = 0.0, 1
    while now < ends:
        now += pause(now, shortest, 20.0)
        looks += 1

    assert now - ends <= min(max(shortest, ends), 20.0)
    assert looks <= 22 + ends / 20


def test_a_deploy_that_a_later_one_replaced_was_a_success(render, world):
    """A fast follower may deactivate it between two looks."""
    deploy_id = world.begin(status="deactivated").body["id"]

    assert render.wait_for_deploy(WEB, deploy_id, 60).status == "deactivated"


def test_waiting_survives_errors_between_two_looks(render, world, wire):
    """A short failure of the API is no failure of the deploy."""
    deploy_id = world.begin().body["id"]
    live = Reply(200, {**world.deploys[0], "status": "live"})
    short = [Reply(503), Reply(drop=True), Reply(429), Reply(200, "<html>back soon</html>")]
    wire.on("GET", f"{DEPLOYS}/{deploy_id}", *short, live)

    assert render.wait_for_deploy(WEB, deploy_id, 60).status == "live"


def test_waiting_outlasts_an_api_that_is_out_of_order(render, world, wire):
    """Longer than one request is repeated for; the deploy goes on meanwhile."""
    deploy_id = world.begin().body["id"]
    live = Reply(200, {**world.deploys[0], "status": "live"})
    outage = [Reply(503)] * 20 + [Reply(drop=True)] * 20
    wire.on("GET", f"{DEPLOYS}/{deploy_id}", *outage, live)

    assert render.wait_for_deploy(WEB, deploy_id, 900).status == "live"


def test_waiting_for_what_is_not_there_ends_at_once(render, world):
    """A 404 does not get better."""
    with pytest.raises(ClientError, match="404: not found"):
        render.wait_for_deploy(WEB, "dep-none", 900)


def test_waiting_ends_in_time_with_the_status_it_has(render, world, time):
    """The deploy goes on by itself; the wait does not."""
    deploy_id = world.begin().body["id"]

    with pytest.raises(ClientError, match="still `build_in_progress` after 60 s"):
        render.wait_for_deploy(WEB, deploy_id, 60, 5)

    assert time.now <= 60


def test_a_rollback_is_a_new_deploy_and_is_adopted_when_its_answer_is_lost(render, world, wire):
    """Sent once, found by its trigger."""
    first = world.deploys[0]["id"]

    def accepted(seen):
        world.begin(seen, trigger="rollback")
        return Reply(drop=True)

    wire.on("POST", f"/services/{WEB}/rollback", accepted)

    deploy = render.rollback(WEB, first)

    assert (deploy.trigger, deploy.id) == ("rollback", world.deploys[0]["id"])
    sent = wire.requests("POST", f"/services/{WEB}/rollback")
    assert [each.json() for each in sent] == [{"deployId": first}]


def test_the_live_deploy_and_the_one_going_on_are_told_apart(render, world):
    """One serves, one is on its way, and statuses not known here go on."""
    assert render.deploy_in_progress(WEB) is None
    live = render.live_deploy(WEB)

    world.begin(status="being_polished", commit=None)

    assert live.id == world.deploys[1]["id"]
    assert render.live_deploy(WEB) == live
    assert render.deploy_in_progress(WEB).id == world.deploys[0]["id"]
    assert render.deploy_in_progress(WEB).commit is None


def test_a_service_that_never_was_live_has_no_live_deploy(render, world):
    """None, and the newest deploys stay listed, newest first, as many as asked."""
    world.deploys.clear()
    for _ in range(130):
        world.begin(status="build_failed")

    assert render.live_deploy(WEB) is None
    assert [each.id for each in render.deploys(WEB, 2)] == [
        each["id"] for each in world.deploys[:2]
    ]
    assert len(render.deploys(WEB, 125)) == 125


def test_canceling_what_has_ended_returns_it_as_it_is(render, world, wire):
    """Too late is no error; a refusal while it goes on is one."""
    deploy_id = world.begin().body["id"]
    wire.on("POST", f"{DEPLOYS}/{deploy_id}/cancel", Reply(400, {"message": "cannot"}))

    with pytest.raises(ClientError, match="400: cannot"):
        render.cancel_deploy(WEB, deploy_id)

    world.walk(deploy_id, "canceled")
    assert render.cancel_deploy(WEB, deploy_id).status == "canceled"

"""Why a deploy of Render failed: told with its cause, and without what is secret."""

import pytest

from handrail.clients.errors import ClientError
from tests.clients.conftest import MARK, Reply
from tests.clients.render_wire import WEB, RenderWire


@pytest.fixture
def world(wire):
    """A workspace with one service and one live deploy."""
    world = RenderWire(wire)
    world.begin(status="live", trigger="new_commit")
    return world


def test_a_deploy_that_found_no_port_says_so_and_how_to_bind(render, world):
    """The cause is in the log, among lines that are not it."""
    deploy_id = world.begin(status="update_failed").body["id"]
    world.log(
        "==> Running 'gunicorn'",
        "\x1b[32m==> No open ports detected on 0.0.0.0, continuing to scan...\x1b[0m",
        "listening at http://127.0.0.1:8000",
        *[f"line {n}" for n in range(60)],
    )
    reason = {"failure": {"timedOutSeconds": 900, "timedOutReason": "no port"}}
    details = {"deployId": deploy_id, "deployStatus": "failed", "reason": reason}
    other = {"deployId": "dep-other", "reason": {"failure": {"nonZeroExit": 9}}}
    world.events = [
        {"id": "evt-1", "type": "deploy_ended", "details": details},
        {"id": "evt-2", "type": "deploy_ended", "details": other},
    ]

    with pytest.raises(ClientError) as caught:
        render.wait_for_deploy(WEB, deploy_id, 60)

    assert "it ended as `update_failed`" in caught.value.why
    assert "it timed out after 900 s (no port)" in caught.value.why
    assert "==> No open ports detected on 0.0.0.0" in caught.value.why
    assert "status 9" not in caught.value.why
    assert "0.0.0.0:$PORT" in caught.value.fix


def test_a_failure_never_shows_what_the_variables_hold(render, world):
    """Applications print their settings when they die; values of variables are withheld."""
    world.variables = {
        "SECRET_KEY": f"key-{MARK}",
        "DATABASE_URL": f"postgresql://rotc:pass-{MARK}@db/rotc",
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
    }
    deploy_id = world.begin(status="update_failed").body["id"]
    world.log(
        f"error: cannot use postgresql://rotc:pass-{MARK}@db/rotc",
        f"error: password pass-{MARK} refused",
        f"error: key-{MARK} is too short for config.settings.production",
        f"error: redis://:linked-{MARK}@cache:6379/0 from a linked group",
        "==> Exited with status 1",
    )

    with pytest.raises(ClientError) as caught:
        render.wait_for_deploy(WEB, deploy_id, 60)

    assert "error: password (withheld) refused" in caught.value.why
    assert "too short for config.settings.production" in caught.value.why
    assert "Exited with status 1" in caught.value.why


def test_without_the_variables_only_the_platforms_lines_are_shown(render, world, wire):
    """What to withhold cannot be known, so the application's lines are left out."""
    deploy_id = world.begin(status="build_failed").body["id"]
    world.log(f"error: key-{MARK}", "==> Exited with status 1")
    wire.on("GET", f"/services/{WEB}/env-vars", Reply(403))

    with pytest.raises(ClientError, match="log: ==> Exited with status 1") as caught:
        render.wait_for_deploy(WEB, deploy_id, 60)

    assert "/logs" in caught.value.fix


def test_a_failure_is_told_even_when_nothing_explains_it(render, world, wire):
    """No events, no log: still the status, and what could not be read."""
    deploy_id = world.begin(status="canceled").body["id"]
    for path in (f"/services/{WEB}/events", "/logs", f"/services/{WEB}"):
        wire.on("GET", path, Reply(403, {"message": "no"}))

    with pytest.raises(ClientError) as caught:
        render.wait_for_deploy(WEB, deploy_id, 60)

    assert "`canceled`" in caught.value.why
    assert "events could not be read" in caught.value.why
    assert "log could not be read" in caught.value.why

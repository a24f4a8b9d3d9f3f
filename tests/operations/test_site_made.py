"""Where Node served the frontend, the runbook makes its static site: planned, made, taken back."""

from contextlib import ExitStack

import pytest

from tests.operations.clones import cloned
from tests.operations.cloud import cloud, unused, write_app
from tests.operations.desk import Desk

CALL = """
from operations import service

service.create_site(
    task="3.0.1", name="Make the site of the frontend", on="production",
    frontend_service={name!r}, frontend_url={url!r}, service_source={source!r},
    site={{"rootDir": "site", "buildCommand": "sh build.sh", "staticPublishPath": "dist"}},
    variables={{"VITE_API_URL": "https://node.example"}},
)
"""


@pytest.fixture
def made(tmp_path):
    """An operator's folder whose runbook makes a site, and the site's name."""
    name = unused("frontend")
    with ExitStack() as stack:
        clone = stack.enter_context(cloned(write_app))
        stack.callback(cloud().remove, name)
        desk = Desk(tmp_path, stack)
        desk.common["waiting"] = {"timeout_seconds": 30, "poll_seconds": 0.05}
        source = {"repo": str(clone.origin), "branch": "main"}
        url = cloud().do(cloud().reserved(name))
        desk.runbook(CALL.format(name=name, url=url, source=source))
        yield desk, name


def test_the_site_is_planned_made_once_and_suspended_on_the_way_back(made):
    """Over HTTP, by the command line: what is planned is what is made, and again is no change."""
    desk, name = made

    planned = desk.run("--dry", "--data", "diff=1")
    assert f"`{name}` is made at" in planned.said
    assert cloud().standin.workspace.named(name) is None

    assert desk.run().code == 0
    site = cloud().running(name)
    assert site.live is not None
    assert {each.key: each.value for each in site.service.env} == {
        "VITE_API_URL": "https://node.example"
    }

    assert desk.run().code == 0
    assert len(site.deploys) == 1

    back = desk.roll_back()
    assert back.code == 0, back.said
    assert site.service.suspended

"""A Blueprint makes and changes services at each push, as Render's does, unless it is paused."""

import time

import pytest
from rehearsal.render.blueprints import Blueprint

from handrail.clients.render import Render
from handrail.clients.render.blueprints import same_repository
from tests.operations.clones import cloned
from tests.operations.cloud import cloud, push, unused, write_app

POLLS = 40


@pytest.fixture
def followed():
    """A repository whose render.yaml is followed, a service of it, and the names it may make."""
    there, made = unused("there"), unused("made")
    with cloned(write_app) as clone:
        blueprint = Blueprint("app", str(clone.origin))
        service = cloud().service(there, clone.origin)
        cloud().add(service, deploy=False)
        cloud().standin.blueprints.attach(blueprint)
        until(lambda: blueprint.seen is not None)
        yield clone, blueprint, there, made
        del cloud().standin.blueprints.attached[blueprint.id]
        cloud().remove(there, made)


def until(holds):
    """Wait until something holds; the stand-in looks at branches now and then."""
    for _ in range(POLLS):
        if holds():
            return True
        time.sleep(0.1)
    return False


def described(*names):
    """Return a render.yaml of web services that says nothing of autodeploy."""
    entries = "".join(
        f"  - {{type: web, name: {name}, runtime: python, rootDir: backend, plan: starter,"
        f" buildCommand: 'true', startCommand: exec python app.py}}\n"
        for name in names
    )
    return f"services:\n{entries}"


def test_a_push_makes_what_is_described_and_turns_autodeploy_on(followed):
    """The default when a Blueprint is made: services start before anything is ready for them."""
    clone, blueprint, there, made = followed

    push(clone.path, "describe", **{"render.yaml": described(there, made)})

    assert until(lambda: cloud().look(made)[made] is not None)
    assert cloud().look(there)[there]["autodeploy"] == "commit"
    assert until(lambda: blueprint.status == "in_sync")


def test_a_paused_blueprint_makes_nothing(followed):
    """It is switched off by the same call that a step uses, and reads as paused."""
    clone, blueprint, there, made = followed
    render = Render.from_inventory(cloud().inventory)
    (found,) = render.blueprints(str(clone.origin))
    render.set_auto_sync(found.id, enabled=False)

    push(clone.path, "describe", **{"render.yaml": described(there, made)})

    assert not until(lambda: cloud().look(made)[made] is not None)
    assert blueprint.json()["status"] == "paused"
    assert render.blueprints(str(clone.origin))[0].auto_sync is False


def test_a_file_that_render_refuses_makes_nothing_and_is_an_error(followed):
    """As the validation says."""
    clone, blueprint, _, made = followed

    push(clone.path, "break", **{"render.yaml": f"services:\n  - name: {made}\n"})

    assert until(lambda: blueprint.status == "error")
    assert cloud().look(made)[made] is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/org/app", "git@github.com:org/app.git", True),
        ("https://user:pw@github.com/Org/App/", "ssh://git@github.com/org/app", True),
        ("/srv/app.git", "/srv/app", True),
        ("https://github.com/org/app", "https://github.com/org/app2", False),
        ("https://github.com/org/app", "https://gitlab.com/org/app", False),
    ],
)
def test_a_repository_is_known_by_host_and_path(one, other, same):
    """However its address is spelt, and by whichever way it is reached."""
    assert same_repository(one, other) is same

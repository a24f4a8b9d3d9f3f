"""Environment variables: over any of them, the others stay, and no value gets out."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rehearsal.render.records import Domain, EnvVar, Group, SecretFile

from handrail.clients.errors import ClientError
from handrail.clients.render import Render
from handrail.engine.clause import ask
from operations import env
from operations.deploys import Deploys
from operations.services import its_hosts_are_allowed
from operations.variables import Variables
from tests.operations.clones import cloned
from tests.operations.cloud import WORKER, cloud, unused, write_app
from tests.operations.test_interrupted import perform

EXAMPLES = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
NAMES = st.sampled_from(["HOST", "DEBUG", "DATABASE_URL", "KEPT", "lower_case"])
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
SETS = st.dictionaries(NAMES, VALUES, max_size=4)


@contextmanager
def service(variables):
    """A service with variables that nobody deploys."""
    name = unused("env")
    with cloned(write_app) as clone:
        stored = [EnvVar(key, value) for key, value in variables.items()]
        cloud().add(cloud().service(name, clone.origin, WORKER, env=stored), deploy=False)
        try:
            yield name
        finally:
            cloud().remove(name)


def stored(name):
    """Return the variables of a service as Render has them."""
    return cloud().look(name)[name]["env"]


@EXAMPLES
@given(there=SETS, wanted=SETS, secret=NAMES)
def test_variables_are_set_the_others_stay_and_all_goes_back(there, wanted, secret):
    """Empty values, line ends, any language; one of them is a secret in a file."""
    with service(there) as name, TemporaryDirectory() as directory:
        file = Path(directory, "value")
        file.write_text("from a file")
        given_values = {key: value for key, value in wanted.items() if "env:" not in value}
        variables = Variables.from_inventory(given_values | {secret: f"file:{file}"})
        live = {
            "render": Render.from_inventory(cloud().inventory),
            "services": [name],
            "variables": variables,
        }
        before = env.put.contract.captures(**live)
        perform(env.put.contract.body, live, None)

        assert stored(name) == there | given_values | {secret: "from a file"}
        assert ask(env.put.contract.ensures, live).passed
        assert "from a file" not in repr((before, live, variables.secrets()))

        perform(env.put.contract.rollback, live | {"before": before}, None)
        assert stored(name) == there


def test_a_value_that_was_changed_by_hand_is_named_without_its_value():
    """The finding says which variable; the value stays between Render and its people."""
    with service({"HOST": "changed-by-hand"}) as name:
        wanted = Variables.from_inventory({"HOST": "wanted-value"})
        found = env.values_are_set(Render.from_inventory(cloud().inventory), [name], wanted)
        assert not found.passed
        assert "`HOST`" in found.why
        assert "changed-by-hand" not in found.why
        assert "wanted-value" not in found.why


@pytest.mark.parametrize("value", [1, True, None, ["a"]])
def test_a_value_that_is_no_text_is_refused(value):
    """`True` would be sent as `True`, and Django reads `true`."""
    with pytest.raises(ClientError, match="`DEBUG` is"):
        Variables.from_inventory({"DEBUG": value})


def test_one_key_serves_all_and_a_good_one_is_kept():
    """Tokens that one service signs are read by the others; a second run logs nobody out."""
    good = "k" * env.KEY_LENGTH
    with service({}) as first, service({"SECRET_KEY": good}) as second, service({}) as third:
        live = {
            "render": Render.from_inventory(cloud().inventory),
            "services": [first, second, third],
            "variable": "SECRET_KEY",
        }
        perform(env.generate_key.contract.body, live, None)
        assert {stored(name)["SECRET_KEY"] for name in live["services"]} == {good}


def test_a_new_key_is_long_and_never_the_same():
    """Fifty characters, as Django makes them."""
    keys = set()
    for _ in range(3):
        with service({}) as name:
            live = {
                "render": Render.from_inventory(cloud().inventory),
                "services": [name],
                "variable": "SECRET_KEY",
            }
            perform(env.generate_key.contract.body, live, None)
            keys.add(stored(name)["SECRET_KEY"])
    assert len(keys) == 3
    assert {len(key) for key in keys} == {50}


@contextmanager
def group(name, **values):
    """An environment group that is linked to a service."""
    linked = cloud().running(name).service.id
    made = Group("shared", cloud().standin.settings.owner_id, env=values, services=[linked])
    cloud().standin.workspace.groups[made.id] = made
    try:
        yield made
    finally:
        del cloud().standin.workspace.groups[made.id]


def test_what_a_linked_group_gives_counts_as_set():
    """And is told by the group's name where it is another value; the service's own ranks above."""
    with service({"DEBUG": "true"}) as name, group(name, HOST="from the group", DEBUG="false"):
        render = Render.from_inventory(cloud().inventory)

        def found(**values):
            variables = Variables.from_inventory(values)
            given_values = {"render": render, "services": [name], "variables": variables}
            return ask(env.put.contract.ensures, given_values)

        assert found(HOST="from the group", DEBUG="true").passed
        assert "another value, of the group `shared`" in found(HOST="other").why
        assert found(DEBUG="false").why == f"`DEBUG` on `{name}` has another value"


def test_a_deploy_is_not_current_when_a_group_or_a_secret_file_has_changed(tmp_path):
    """What runs keeps what its deploy began with, wherever that was stored."""
    with service({}) as name, group(name, HOST="one") as shared:
        noted, stored_files = Deploys.of(str(tmp_path)), cloud().running(name).service.secret_files

        def fingerprint():
            render = Render.from_inventory(cloud().inventory)
            return noted.fingerprint(render, render.service(name))

        first = fingerprint()
        assert fingerprint() == first
        shared.env["HOST"] = "two"
        second = fingerprint()
        stored_files.append(SecretFile(".env", "KEY=1"))
        assert len({first, second, fingerprint()}) == 3


@pytest.mark.parametrize(
    ("allowed", "lacks"),
    [
        ("{own},app.example.com", ""),
        ("*", ""),
        ("{own},.example.com", ""),
        ("{own},example.com", "app.example.com"),
        ("app.example.com", "{own}"),
    ],
)
def test_the_hosts_that_render_asks_under_must_be_allowed(allowed, lacks):
    """A health check sends a verified domain; one that is not verified is nobody's yet."""
    name = unused("domain")
    with cloned(write_app) as clone:
        made = cloud().service(name, clone.origin)
        made.domains = [Domain("app.example.com", verified=True), Domain("new.example.com")]
        cloud().add(made, deploy=False)
        own = made.url.partition("//")[2].partition(":")[0]
        made.env = [EnvVar("ALLOWED_HOSTS", allowed.format(own=own))]
        try:
            render = Render.from_inventory(cloud().inventory)
            found = ask(its_hosts_are_allowed, {"render": render, "services": [name]})
        finally:
            cloud().remove(name)
    wanted = f"`ALLOWED_HOSTS` of `{name}` lacks {lacks.format(own=own)}" if lacks else ""
    assert found.why == wanted

"""Services and variables of Render."""

import pytest

from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.render import Render
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK, OWNER, Reply
from tests.clients.render_wire import WEB, RenderWire, page, service

ENTRY = {"api": "https://api.render.com/v1", "key": "env:RENDER_API_KEY", "owner": OWNER}


@pytest.fixture
def world(wire):
    """A workspace with one service."""
    return RenderWire(wire)


def test_an_inventory_entry_becomes_a_client():
    """Plain data with a reference, and nothing of the secret."""
    render = Render.from_inventory(ENTRY)

    assert render == Render(ENTRY["api"], Secret("env:RENDER_API_KEY"), OWNER)
    assert Render.from_inventory(render) is render


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"api": "x", "key": "env:K"}, "lacks `owner`"),
        ({**ENTRY, "ownr": "x"}, "nothing reads `ownr`"),
        ({**ENTRY, "owner": ""}, "`owner` is empty"),
        ({**ENTRY, "key": f"rnd_{MARK}"}, "written out instead of named"),
        ("https://api.render.com", "is a str"),
    ],
)
def test_an_inventory_entry_of_another_form_is_refused(entry, why):
    """A misspelt or missing key is told, and a written-out secret is not repeated."""
    with pytest.raises(ClientError) as caught:
        Render.from_inventory(entry)

    assert why in caught.value.why


def test_a_service_is_found_by_its_exact_name_on_any_page(render, world):
    """Similar names before it, and more than a page of them, do not hide it."""
    similar = [service(f"rotc-django-web-{n}", f"srv-{n:020d}") for n in range(130)]
    world.services = [*similar, service()]

    found = render.service("rotc-django-web")

    assert found.id == WEB
    assert (found.suspended, found.autodeploy, found.root_dir) == (False, True, "rotc_backend")
    assert found.url == "https://rotc-django-web.onrender.com"
    assert found.start_command == "gunicorn config.wsgi"
    assert found.health_check_path == "/api/health"


def test_an_absent_service_is_none_or_a_refusal(render, world):
    """To look is not to fail; to need is."""
    assert render.find_service("rotc-django-we") is None

    with pytest.raises(ClientError, match="was not found") as caught:
        render.service("rotc-nothing")

    assert "run the runbook that makes the service" in caught.value.fix


def test_a_name_of_another_workspace_is_not_ours(render, world):
    """One key may reach several workspaces."""
    world.services = [service(ownerId="tea-another0000000000000")]

    assert render.find_service("rotc-django-web") is None


def test_an_answer_of_another_shape_is_not_taken_for_an_empty_list(render, wire):
    """Something else than Render at that address is not "no such service"."""
    wire.on("GET", "/services", Reply(200, {"services": []}))

    with pytest.raises(ClientError, match="not a list of `service`"):
        render.find_service("x")


def test_variables_are_read_to_the_last_page(render, world):
    """Render shows 20 unless asked and 100 at most; 205 are read in full."""
    world.variables = {f"KEY_{n:03d}": str(n) for n in range(205)}

    assert render.env_vars(WEB) == world.variables


def test_a_server_that_ignores_the_page_size_loses_no_variable(render, wire, world):
    """A short page is not taken for the last one."""
    world.variables = {f"KEY_{n:03d}": str(n) for n in range(45)}
    path = f"/services/{WEB}/env-vars"

    def stingy(seen):
        seen.query["limit"] = ["20"]
        return world._list_variables(seen)

    wire.on("GET", path, stingy)

    assert len(render.env_vars(WEB)) == 45


def test_a_list_that_turns_in_a_circle_is_refused(render, wire):
    """A cursor that comes back would be read forever."""
    element = {"cursor": "same", "envVar": {"key": "A", "value": "b"}}
    wire.on("GET", f"/services/{WEB}/env-vars", Reply(200, [element] * 20))

    with pytest.raises(ClientError, match="read before"):
        render.env_vars(WEB)


def test_replaced_variables_are_read_back(render, world):
    """What was left out is gone, what was given is there."""
    render.replace_env_vars(WEB, {"A": "1", "B": f"two-{MARK}"})

    assert world.variables == {"A": "1", "B": f"two-{MARK}"}
    assert len(world.wire.requests("PUT", f"/services/{WEB}/env-vars")) == 1


def test_variables_that_read_back_otherwise_are_refused_by_key(render, wire, world):
    """An accepted write that does not show is a failure, told without values."""
    wire.on("PUT", f"/services/{WEB}/env-vars", Reply(200, []))

    with pytest.raises(ClientError) as caught:
        render.replace_env_vars(WEB, {"DEBUG": "False", "SECRET_KEY": f"other-{MARK}"})

    assert "these differ: SECRET_KEY" in caught.value.why


def test_a_refused_value_is_not_repeated(render, wire):
    """Render's message may quote the value it does not like."""
    secret = f"pass-{MARK}"
    refusal = Reply(400, {"message": f"invalid value: {secret}"})
    wire.on("PUT", f"/services/{WEB}/env-vars", refusal)

    with pytest.raises(ClientError, match=r"invalid value: \(withheld\)"):
        render.replace_env_vars(WEB, {"A": secret})


def test_suspend_and_resume_wait_until_it_reads_so(render, world, wire, time):
    """202 is a promise; the service is asked until it is kept."""
    running, stopped = Reply(200, service()), Reply(200, service(suspended="suspended"))
    wire.on("GET", f"/services/{WEB}", running, running, stopped)

    render.suspend(WEB)

    assert time.slept == [1.0, 1.0]
    wire.on("GET", f"/services/{WEB}", stopped, running)
    render.resume(WEB)


def test_suspend_after_a_cut_connection_believes_the_service(render, world, wire):
    """Whether the request arrived is read from the service, not guessed."""

    def accepted_and_cut(seen):
        world._suspended("suspended")
        return Reply(drop=True)

    wire.on("POST", f"/services/{WEB}/suspend", accepted_and_cut)
    render.suspend(WEB)
    wire.on("POST", f"/services/{WEB}/resume", Reply(drop=True))

    with pytest.raises(ClientError, match="could not be resumed"):
        render.resume(WEB)
    assert len(wire.requests("POST", f"/services/{WEB}/resume")) == 1


def test_autodeploy_is_set_and_read_back(render, world, wire):
    """The word is no, the read is False; a Blueprint that undoes it is noticed.

    The same once more is the same, so a request whose answer was lost is sent again.
    """
    stored = wire._scripts["PATCH", f"/services/{WEB}"]
    wire.on("PATCH", f"/services/{WEB}", Reply(drop=True), Reply(500), *stored)
    render.set_autodeploy(WEB, enabled=False)

    assert render.autodeploy(WEB) is False
    assert len(wire.requests("PATCH", f"/services/{WEB}")) == 3
    assert wire.requests("PATCH", f"/services/{WEB}")[0].json() == {"autoDeploy": "no"}
    wire.on("PATCH", f"/services/{WEB}", Reply(200, service()))
    with pytest.raises(ClientError, match="reads as before"):
        render.set_autodeploy(WEB, enabled=True)


def test_a_created_service_comes_with_its_first_deploy(render, world, wire):
    """201 holds both."""
    made = service("rotc-new", "srv-new00000000000000000")
    wire.on("POST", "/services", Reply(201, {"service": made, "deployId": "dep-1"}))

    found, deploy_id = render.create_service({"type": "web_service", "name": "rotc-new"})

    assert (found.name, deploy_id) == ("rotc-new", "dep-1")
    assert wire.requests("POST", "/services")[0].json()["ownerId"] == OWNER


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(500)])
def test_a_creation_whose_fate_is_unknown_is_adopted(render, world, wire, reply):
    """The service that appeared is taken over; it is not made twice."""

    def accepted(seen):
        world.services.append(service("rotc-new", "srv-new00000000000000000"))
        deploys = [{"cursor": "c", "deploy": {"id": "dep-9", "status": "created"}}]
        wire.on(
            "GET", "/services/srv-new00000000000000000/deploys", Reply(200, deploys), Reply(200, [])
        )
        return reply

    wire.on("POST", "/services", accepted)

    found, deploy_id = render.create_service({"type": "web_service", "name": "rotc-new"})

    assert (found.id, deploy_id) == ("srv-new00000000000000000", "dep-9")
    assert len(wire.requests("POST", "/services")) == 1


def test_a_creation_that_did_not_arrive_is_said_to_have_made_nothing(render, world, wire):
    """Cut off before it was carried out: no service, one request, a clear error."""
    wire.on("POST", "/services", Reply(drop=True))

    with pytest.raises(ClientError, match="no such service has appeared"):
        render.create_service({"name": "rotc-new"})

    assert len(wire.requests("POST", "/services")) == 1


def test_a_taken_name_is_refused_before_the_request(render, world, wire):
    """What is there already is never mistaken for what we made."""
    with pytest.raises(ClientError, match="the name is taken"):
        render.create_service({"name": "rotc-django-web"})

    assert wire.requests("POST", "/services") == []


def test_a_refused_creation_hides_the_variables_it_carried(render, world, wire):
    """Variables travel with a new service; its refusal may quote one."""
    refusal = Reply(400, {"message": f"bad variable value-{MARK}"})
    wire.on("POST", "/services", refusal)
    variables = [{"key": "A", "value": f"value-{MARK}"}, {"key": "B", "generateValue": True}]

    with pytest.raises(ClientError, match=r"bad variable \(withheld\)"):
        render.create_service({"name": "rotc-new", "envVars": variables})


def test_an_unreachable_api_is_no_answer_at_all(render, wire):
    """Nothing there is never "no such service"."""
    wire.close()

    with pytest.raises(NoAnswer):
        render.find_service("rotc-django-web")


def test_a_page_that_is_short_is_the_last(render, wire, world):
    """No request is spent on the empty page after it; each look-up of one step shares the list."""
    world.services = [service(f"rotc-{n}", f"srv-{n:020d}") for n in range(45)]

    assert render.find_service("rotc-7") is not None
    assert render.find_service("rotc-40") is not None

    assert len(wire.requests("GET", "/services")) == 1


def test_what_reads_as_before_for_a_moment_is_asked_again(render, wire, world, time):
    """A read after a write may be stale; ten seconds later it would be a fault."""
    path = f"/services/{WEB}/env-vars"
    before = page([{"key": "DEBUG", "value": "False"}], "envVar", {})
    after = page([{"key": "DEBUG", "value": "True"}], "envVar", {})
    wire.on("GET", path, Reply(200, before), Reply(200, before), Reply(200, after))

    render.replace_env_vars(WEB, {"DEBUG": "True"})

    assert time.slept == [1.0, 1.0]


def test_an_empty_list_is_not_believed_at_once(render, wire, world):
    """To make a service that is there, or to write one variable over all, would follow from it."""
    none = Reply(200, [])
    wire.on("GET", "/services", none, Reply(200, page(world.services, "service", {})))
    variables = [{"key": "DEBUG", "value": "False"}]
    path = f"/services/{WEB}/env-vars"
    wire.on("GET", path, none, Reply(200, page(variables, "envVar", {})))

    assert render.find_service("rotc-django-web") is not None
    assert render.env_vars(WEB) == {"DEBUG": "False"}
    render.memory.forget()
    wire.on("GET", "/services", none)
    assert render.find_service("rotc-django-web") is None


def test_a_write_makes_be_read_anew_what_it_may_have_changed(render, wire, world):
    """Variables of one service are not those of another, nor the list of services."""
    render.find_service("rotc-django-web")
    first = render.env_vars(WEB)
    render.replace_env_vars(WEB, {**first, "DEBUG": "True"})
    assert render.env_vars(WEB)["DEBUG"] == "True"
    render.find_service("rotc-django-web")
    assert len(wire.requests("GET", "/services")) == 1

    render.patch_service(WEB, {"branch": "next"})

    assert render.service("rotc-django-web").branch == "next"


def test_an_error_calls_a_service_by_its_name(render, wire, world):
    """An id alone says nothing at two in the morning."""
    render.service("rotc-django-web")
    wire.on("PATCH", f"/services/{WEB}", Reply(400, {"message": "no"}))

    with pytest.raises(ClientError) as caught:
        render.patch_service(WEB, {"plan": "none"})

    assert caught.value.what == f"service `rotc-django-web` ({WEB}) could not be changed"


def test_a_limit_is_told_as_renders(render, wire, world, monkeypatch):
    """Whoever waits hears for whom and how long."""
    told = []
    monkeypatch.setattr("handrail.clients.patience._told", [told.append])
    limited = Reply(429, {"message": "slow down"}, {"Ratelimit-Reset": "41"})
    wire.on("GET", "/services", limited, world._list_services)

    render.find_service("rotc-django-web")

    assert told == ["Render asks to wait 41 s"]

"""The stand-in speaks as Render does: shapes, pages, errors, limits, faults."""

import pytest
import requests
from rehearsal.render.tally import table

BLUEPRINT = """
services:
  - type: web
    name: greeter
    runtime: python
    buildCommand: pip install -r requirements.txt
    startCommand: gunicorn config.wsgi
    healthCheckPath: /api/health
    autoDeployTrigger: "off"
    envVars:
      - key: SECRET_KEY
        generateValue: true
      - key: DATABASE_URL
        sync: false
"""


def validate(render, text):
    """Ask for the check of a blueprint."""
    return render.call(
        "POST", "/blueprints/validate",
        data={"ownerId": render.standin.settings.owner_id}, files={"file": ("render.yaml", text)},
    ).json()  # fmt: skip


@pytest.fixture(scope="module")
def stored(render):
    """Give a service that is never deployed more than once."""
    service, first = render.create("stored", kind="cron_job", schedule="0 0 * * *",
                                   startCommand="true", buildCommand="true")  # fmt: skip
    render.wait(service, first)
    return service


def test_missing_key_is_refused(render):
    """No call is answered without the key."""
    answer = requests.get(f"{render.standin.url}/services", timeout=10)

    assert answer.status_code == 401
    assert set(answer.json()) == {"message"}


def test_answers_carry_rate_limit_headers(render):
    """Each answer says what is left and the seconds until it is renewed."""
    answer = render.call("GET", "/users")

    assert answer.headers["Ratelimit-Limit"] == "400"
    assert int(answer.headers["Ratelimit-Remaining"]) < 400
    assert 0 <= int(answer.headers["Ratelimit-Reset"]) < 60
    assert answer.headers["Render-Request-Id"]
    assert answer.text.endswith("}\n")


def test_more_variables_than_a_page_take_two_pages(render, stored):
    """A client that does not page loses variables, here as there."""
    path = f"/services/{stored['id']}/env-vars"
    sent = [{"key": f"KEY_{number}", "value": str(number)} for number in range(25)]

    assert render.call("PUT", path, json=sent).status_code == 200
    first = render.call("GET", path).json()
    second = render.call("GET", path, params={"cursor": first[-1]["cursor"]}).json()
    everything = render.call("GET", path, params={"limit": 100}).json()

    assert [len(first), len(second), len(everything)] == [20, 5, 25]
    assert [row["envVar"] for row in first + second] == sent
    old = {row["cursor"] for row in everything}
    render.call("PUT", path, json=sent)
    assert not old & {row["cursor"] for row in render.call("GET", path).json()}


def test_replacing_variables_removes_what_is_left_out(render, stored):
    """PUT of the whole set is a replacement; null is the empty set."""
    path = f"/services/{stored['id']}/env-vars"
    render.call("PUT", path, json=[{"key": "A", "value": "1"}, {"key": "B", "generateValue": True}])

    assert len(render.call("GET", f"{path}/B").json()["value"]) == 44
    assert render.call("DELETE", f"{path}/A").status_code == 204
    assert render.call("GET", f"{path}/A").status_code == 404
    assert render.call("PUT", path, data="null").json() == []
    assert render.call("GET", path).json() == []


def test_services_are_found_by_name_and_type(render, stored):
    """Filters narrow the list; the object has the fields Render's has."""
    found = render.call("GET", "/services", params={"name": "stored", "type": "cron_job"}).json()
    none = render.call("GET", "/services", params={"name": "stored", "type": "static_site"}).json()

    assert [row["service"]["id"] for row in found] == [stored["id"]]
    assert none == []
    assert stored["suspended"] == "not_suspended"
    assert stored["autoDeploy"] == "no"
    assert stored["autoDeployTrigger"] == "off"
    assert stored["id"].startswith("crn-")
    assert list(stored) == sorted(stored)


def test_name_is_taken_once(render, stored):
    """Two services of a workspace never share a name."""
    body = {"type": "static_site", "name": "stored", "ownerId": stored["ownerId"]}

    assert render.call("POST", "/services", json=body).status_code == 409


def test_unknown_service_is_not_found_by_its_id(render):
    """The recorded words of a 404."""
    answer = render.call("GET", "/services/srv-00000000000000000000")

    assert answer.status_code == 404
    assert answer.json() == {"message": "not found: srv-00000000000000000000"}


def test_faults_meet_the_next_calls_only(render):
    """A fault answers as often as it was asked to, then the real answer is back."""
    render.call("POST", "/_faults", json=[
        {"method": "GET", "path": "/users", "status": 503, "body": "<html>busy</html>"},
        {"method": "GET", "path": "/users", "status": 429, "body": {"message": "slow down"}},
        {"method": "GET", "path": "/users", "drop": True},
    ])  # fmt: skip

    first, second = render.call("GET", "/users"), render.call("GET", "/users")
    with pytest.raises(requests.ConnectionError):
        render.call("GET", "/users")

    assert (first.status_code, first.text) == (503, "<html>busy</html>")
    assert (second.status_code, second.json()) == (429, {"message": "slow down"})
    assert render.call("GET", "/users").status_code == 200


def test_fault_may_distort_a_call_that_was_carried_out(render, stored):
    """The line drops after Render accepted the deploy; another fault makes a status unknown."""
    path = f"/services/{stored['id']}/deploys"
    before = len(render.call("GET", path).json())
    render.call("POST", "/_faults", json=[
        {"method": "POST", "path": "/services/*/deploys", "drop": True, "after": True},
        {"method": "GET", "path": "/services/*/deploys", "merge": {"status": "paused"}},
    ])  # fmt: skip

    with pytest.raises(requests.ConnectionError):
        render.call("POST", path, json={})
    rows = render.call("GET", path).json()

    assert len(rows) == before + 1
    assert {row["deploy"]["status"] for row in rows} == {"paused"}


def test_misspelt_fault_is_refused(render):
    """A fault nobody meets would let a test pass for nothing."""
    assert render.call("POST", "/_faults", json={"pth": "/users"}).status_code == 400


def test_rate_limit_answers_429_when_switched_on(render, stored):
    """Ten suspensions a minute and service, then 429."""
    render.call("POST", "/_faults", json={"enforce_rate_limits": True})

    codes = [render.call("PATCH", f"/services/{stored['id']}", json={}).status_code
             for _ in range(11)]  # fmt: skip

    assert codes[-1] == 429


def test_requests_are_counted_by_status_and_measured(render):
    """Metrics and request logs come from what really went through the front."""
    service = render.app("measured")
    url = service["serviceDetails"]["url"]
    for path in ("/", "/", "/broken"):
        requests.get(url + path, timeout=10)

    counts = render.call("GET", "/metrics/http-requests", params={
        "resource": service["id"], "aggregateBy": "statusCode"}).json()  # fmt: skip
    latency = render.call("GET", "/metrics/http-latency", params={
        "resource": service["id"], "quantile": ["0.5", "0.99"]}).json()  # fmt: skip

    totals = {
        next(label["value"] for label in series["labels"] if label["field"] == "statusCode"):
        sum(point["value"] for point in series["values"])
        for series in counts
    }  # fmt: skip
    assert totals == {"200": 2, "500": 1}
    assert len(latency) == 2
    assert all(point["value"] > 0 for series in latency for point in series["values"])
    assert len(render.lines(service, type="request", statusCode="500")) == 1


def test_logs_are_paged_by_time_without_loss(render):
    """Following nextStartTime or nextEndTime reads each line once, in either direction."""
    service, first = render.create("chatty", kind="cron_job", schedule="* * * * *",
                                   buildCommand="seq 1 45", startCommand="true")  # fmt: skip
    render.wait(service, first)

    for direction in ("forward", "backward"):
        wanted = {"ownerId": service["ownerId"], "resource": service["id"], "limit": 10,
                  "direction": direction, "type": "build"}  # fmt: skip
        seen, more = [], True
        while more:
            answer = render.call("GET", "/logs", params=wanted).json()
            seen += [line["message"] for line in answer["logs"]]
            more = answer["hasMore"]
            wanted |= {"startTime": answer["nextStartTime"], "endTime": answer["nextEndTime"]}
        numbers = [int(line) for line in seen if line.isdigit()]
        assert sorted(numbers) == list(range(1, 46))
        assert numbers == sorted(numbers, reverse=direction == "backward")


def test_blueprint_in_order_is_valid(render):
    """A blueprint that Render would take is valid, with what it would create."""
    answer = validate(render, BLUEPRINT)

    assert answer["valid"], answer
    assert answer["plan"]["services"] == ["greeter"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("runtime: python", "env: python", "field env not found"),
        ("    runtime: python\n", "", "runtime is required"),
        ('"off"', "off", "must be one of"),
        ("sync: false", "sync: true", "must be false"),
        ("healthCheckPath: /api", "healthCheckPath: api", "must start with /"),
        ("services:", "servces:", "field servces not found"),
        ("name: greeter", "name: [", "invalid YAML"),
    ],
)
def test_blueprint_out_of_order_is_told_why(render, old, new, complaint):
    """The deprecated `env`, a bare `off` and their like are answered with valid: false."""
    answer = validate(render, BLUEPRINT.replace(old, new))

    assert answer["valid"] is False
    assert any(complaint in error["error"] for error in answer["errors"]), answer


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/services", {"params": {"limit": "many"}}),
        ("GET", "/services", {"params": {"limit": "101"}}),
        ("GET", "/metrics/http-requests", {"params": {"resolutionSeconds": "a minute"}}),
        ("GET", "/metrics/http-requests", {"params": {"resolutionSeconds": "1"}}),
        ("GET", "/metrics/http-latency", {"params": {"quantile": "most"}}),
        ("GET", "/metrics/http-latency", {"params": {"startTime": "yesterday"}}),
        ("GET", "/logs", {"params": {"ownerId": "o", "resource": "r", "limit": "-1"}}),
        ("GET", "/logs", {"params": {"ownerId": "o", "resource": "r", "endTime": "12:00"}}),
        ("POST", "/services/{}/scale", {"json": {"numInstances": "two"}}),
        ("POST", "/services/{}/scale", {"json": {"numInstances": 1.5}}),
        ("PATCH", "/services/{}", {"json": {"serviceDetails": "none"}}),
        ("POST", "/services/{}/deploys", {"json": [1]}),
    ],
)
def test_what_is_malformed_gets_an_error_in_json(render, stored, method, path, more):
    """A number that is none, or out of its range, a moment without a zone, a body of another kind.

    The line is not cut, and the answer has the form of Render's errors.
    """
    answer = render.call(method, path.format(stored["id"]), **more)

    assert answer.status_code == 400
    assert set(answer.json()) == {"message"}


def test_what_was_called_how_often_is_told(render):
    """A rehearsal ends with this table; a call beyond a limit counts as refused."""
    render.call("DELETE", "/_calls")
    for _ in range(3):
        render.call("GET", "/users")

    told = render.call("GET", "/_calls").json()

    assert (told["calls"], told["most_reads_a_minute"]) == (3, 3)
    assert [(row["call"], row["calls"]) for row in told["by_call"]] == [("GET /users", 3)]
    assert "3        0        -  GET /users" in "\n".join(table(told, validated=False))

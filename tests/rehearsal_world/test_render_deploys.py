"""The stand-in deploys as Render does: what serves stays until something better serves."""

import time

import requests


def test_deploy_goes_live_and_answers_at_its_url(render):
    """A pushed commit is built, started and reachable at the service's own address."""
    service, first = render.create(
        "greeter", startCommand="python app.py", buildCommand="echo building",
        variables={"GREETING": "hello"}, healthCheckPath="/",
    )  # fmt: skip

    deploy = render.wait(service, first)

    assert deploy["status"] == "live"
    answer = requests.get(service["serviceDetails"]["url"], timeout=10)
    assert answer.text == f"hello|{deploy['commit']['id']}"
    lines = render.lines(service)
    assert "building" in lines
    assert "app starts" in lines
    assert "==> Your service is live 🎉" in lines


def test_loopback_bind_fails_the_deploy_and_says_so(render):
    """An app that listens on 127.0.0.1 only never gets traffic."""
    service, first = render.create("shy", startCommand="python app.py 127.0.0.1")

    deploy = render.wait(service, first)

    assert deploy["status"] == "update_failed"
    text = "\n".join(render.lines(service))
    assert "no open ports detected on 0.0.0.0. Detected open ports on localhost" in text
    reason = render.events(service, "deploy_ended")[0]["reason"]
    assert reason["failure"]["timedOutReason"] == "no open ports detected"


def test_build_failure_is_told_with_its_exit_code(render):
    """A failing build command ends the deploy before anything is started."""
    service, first = render.create("unbuildable", buildCommand="exit 3", startCommand="true")

    assert render.wait(service, first)["status"] == "build_failed"
    assert render.events(service, "deploy_ended")[0]["reason"]["failure"] == {"nonZeroExit": 3}
    assert requests.get(service["serviceDetails"]["url"], timeout=10).status_code == 503


def test_failed_health_check_leaves_the_old_version_serving(render):
    """A version that answers its health path with 500 never replaces the one that serves."""
    service = render.app("healthy", variables={"GREETING": "old"})
    render.call("PATCH", f"/services/{service['id']}",
                json={"serviceDetails": {"healthCheckPath": "/broken"}})  # fmt: skip
    render.call("PUT", f"/services/{service['id']}/env-vars/GREETING", json={"value": "new"})

    deploy = render.deploy(service)

    assert deploy["status"] == "update_failed"
    assert requests.get(service["serviceDetails"]["url"], timeout=10).text.startswith("old|")


def test_process_that_exits_fails_the_deploy(render):
    """The exit status of a start command that falls over is in the event."""
    service, first = render.create("faller", startCommand="exit 7")

    assert render.wait(service, first)["status"] == "update_failed"
    failure = render.events(service, "deploy_ended")[0]["reason"]["failure"]
    assert failure["nonZeroExit"] == 7
    assert "==> Exited with status 7" in render.lines(service)


def test_variable_change_reaches_the_next_deploy_only(render):
    """Writing a variable changes what is stored; restart keeps the old one, deploy takes it."""
    service = render.app("configured", variables={"GREETING": "one"})
    url = service["serviceDetails"]["url"]

    render.call("PUT", f"/services/{service['id']}/env-vars/GREETING", json={"value": "two"})
    before = render.call("GET", f"/services/{service['id']}/instances").json()
    assert render.call("POST", f"/services/{service['id']}/restart").status_code == 200
    deadline = time.monotonic() + 10
    while render.call("GET", f"/services/{service['id']}/instances").json() == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert requests.get(url, timeout=10).text.startswith("one|")
    assert render.deploy(service, deployMode="deploy_only")["status"] == "live"
    assert requests.get(url, timeout=10).text.startswith("two|")


def test_rollback_reuses_variables_and_start_command(render):
    """A rollback runs what the target froze, and leaves what is stored alone."""
    service = render.app("rolled", variables={"GREETING": "first"})
    first = render.call("GET", f"/services/{service['id']}/deploys").json()[0]["deploy"]
    render.call("PUT", f"/services/{service['id']}/env-vars/GREETING", json={"value": "second"})
    command = {"envSpecificDetails": {"startCommand": "python app.py 0.0.0.0"}}
    render.call("PATCH", f"/services/{service['id']}", json={"serviceDetails": command})
    second = render.deploy(service)
    assert second["status"] == "live"
    url = service["serviceDetails"]["url"]

    answer = render.call("POST", f"/services/{service['id']}/rollback",
                         json={"deployId": first["id"]})  # fmt: skip

    assert answer.status_code == 201
    assert answer.json()["trigger"] == "rollback"
    assert render.wait(service, answer.json()["id"])["status"] == "live"
    assert requests.get(url, timeout=10).text.startswith("first|")
    stored = render.call("GET", f"/services/{service['id']}/env-vars/GREETING").json()
    assert stored["value"] == "second"
    assert render.wait(service, second["id"])["status"] == "deactivated"


def test_suspended_service_answers_503_until_resumed(render):
    """Suspending stops the instance; resuming deploys what ran before."""
    service = render.app("sleeper", variables={"GREETING": "awake"})
    url = service["serviceDetails"]["url"]

    assert render.call("POST", f"/services/{service['id']}/suspend").status_code == 202
    page = requests.get(url, timeout=10)
    refused = render.call("POST", f"/services/{service['id']}/deploys", json={})

    assert page.status_code == 503
    assert "suspended" in page.text
    assert refused.status_code == 409
    assert render.call("POST", f"/services/{service['id']}/resume").status_code == 202
    newest = render.call("GET", f"/services/{service['id']}/deploys").json()[0]["deploy"]
    assert newest["trigger"] == "service_resumed"
    assert render.wait(service, newest["id"])["status"] == "live"
    assert requests.get(url, timeout=10).text.startswith("awake|")


def test_push_deploys_a_service_that_follows_its_branch(render, repository):
    """With autodeploy on a push becomes a deploy; a commit that says so is skipped."""
    service = render.app("follower")
    render.call("PATCH", f"/services/{service['id']}", json={"autoDeploy": "yes"})

    skipped = repository.push("notes [skip render]", **{"notes.txt": "one"})
    wanted = repository.push("a change to deploy", **{"notes.txt": "two"})

    deadline = time.monotonic() + 15
    while True:
        newest = render.call("GET", f"/services/{service['id']}/deploys").json()[0]["deploy"]
        if newest["trigger"] == "new_commit" and newest["commit"]["id"] == wanted:
            break
        assert time.monotonic() < deadline, newest
        time.sleep(0.1)
    assert render.wait(service, newest["id"])["status"] == "live"
    deploys = render.call("GET", f"/services/{service['id']}/deploys").json()
    assert skipped not in [row["deploy"]["commit"]["id"] for row in deploys]


def test_second_deploy_waits_and_only_the_newest_waits_on(render):
    """While one deploy runs, a request is answered 202; a later one takes its place."""
    service = render.app("queued")
    render.call("PATCH", f"/services/{service['id']}", json={
        "serviceDetails": {"envSpecificDetails": {"buildCommand": "sleep 1"}}})  # fmt: skip
    path = f"/services/{service['id']}/deploys"

    answers = [render.call("POST", path, json={}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 202, 202]
    assert answers[1].content == b""
    rows = [row["deploy"] for row in render.call("GET", path).json()]
    assert [row["status"] for row in rows[:2]] == ["queued", "canceled"]
    assert render.wait(service, rows[0]["id"])["status"] == "live"


def test_cancelled_deploy_leaves_the_live_one_serving(render):
    """Cancelling ends the build and changes nothing that runs."""
    service = render.app("cancelled", variables={"GREETING": "kept"})
    render.call("PATCH", f"/services/{service['id']}", json={
        "serviceDetails": {"envSpecificDetails": {"buildCommand": "sleep 30"}}})  # fmt: skip
    path = f"/services/{service['id']}/deploys"
    deploy = render.call("POST", path, json={}).json()

    answer = render.call("POST", f"{path}/{deploy['id']}/cancel")

    assert answer.status_code == 200
    assert render.wait(service, deploy["id"])["status"] == "canceled"
    assert requests.get(service["serviceDetails"]["url"], timeout=10).text.startswith("kept|")


def test_worker_is_live_when_it_survives_its_start(render):
    """A worker has no port to look at; staying up is all it can show."""
    good, first = render.create("patient", kind="background_worker", startCommand="sleep 60")
    bad, second = render.create("hasty", kind="background_worker", startCommand="exit 1")

    assert render.wait(good, first)["status"] == "live"
    assert render.wait(bad, second)["status"] == "update_failed"


def test_crashed_instance_is_started_again(render):
    """An instance that ends by itself comes back, and the event tells why it ended."""
    service, first = render.create(
        "phoenix", kind="background_worker",
        startCommand="test -e $HOME/up && exec sleep 60; sleep 0.8; touch $HOME/up; exit 9",
    )  # fmt: skip
    assert render.wait(service, first)["status"] == "live"

    deadline = time.monotonic() + 10
    while not render.events(service, "server_failed"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    while not render.call("GET", f"/services/{service['id']}/instances").json():
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert render.events(service, "server_failed")[0]["reason"] == {"nonZeroExit": 9}


def test_static_site_serves_what_its_build_published(render):
    """A static site has files instead of a process."""
    service, first = render.create(
        "pages", kind="static_site", buildCommand="echo '{}' > site/config.json", publishPath="site"
    )
    url = service["serviceDetails"]["url"]

    assert render.wait(service, first)["status"] == "live"
    assert requests.get(url, timeout=10).text == "<h1>hello</h1>"
    assert requests.get(f"{url}/config.json", timeout=10).json() == {}
    assert requests.get(f"{url}/../app.py", timeout=10).status_code == 404


def test_job_runs_on_the_live_artifact(render):
    """A one-off job sees the service's files and variables."""
    service = render.app("jobber", variables={"GREETING": "from the service"})
    path = f"/services/{service['id']}/jobs"

    job = render.call("POST", path, json={"startCommand": "test -f app.py && echo $GREETING"})

    assert job.status_code == 201
    deadline = time.monotonic() + 10
    while render.call("GET", f"{path}/{job.json()['id']}").json()["status"] != "succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert render.lines(service | {"id": job.json()["id"]}) == ["from the service"]


def test_parent_environment_does_not_leak_into_services(render, monkeypatch):
    """What the operator's shell exports is unknown to a service."""
    monkeypatch.setenv("LEAKED_BY_THE_SHELL", "yes")
    service, first = render.create(
        "sealed", kind="background_worker", startCommand="env; sleep 60",
        variables={"OWN": "variable"},
    )  # fmt: skip

    assert render.wait(service, first)["status"] == "live"
    lines = render.lines(service)
    assert "OWN=variable" in lines
    assert not [line for line in lines if "LEAKED_BY_THE_SHELL" in line]

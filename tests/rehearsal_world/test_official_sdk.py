"""Render's own SDK drives the stand-in: its typed models refuse what Render would not answer."""

import re
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from rehearsal.render.blueprints import Blueprint
from rehearsal.render.records import Database
from render.public_api.api.blueprints import list_blueprints, retrieve_blueprint, update_blueprint
from render.public_api.api.custom_domains import create_custom_domain, list_custom_domains
from render.public_api.api.deploys import (
    cancel_deploy,
    create_deploy,
    list_deploys,
    retrieve_deploy,
    rollback_deploy,
)
from render.public_api.api.environment_groups import (
    create_env_group,
    delete_env_group,
    link_service_to_env_group,
    list_env_groups,
)
from render.public_api.api.logs import list_logs
from render.public_api.api.metrics import get_http_requests
from render.public_api.api.one_off_jobs import post_job, retrieve_job
from render.public_api.api.postgres import (
    create_postgres_export,
    list_postgres_export,
    retrieve_postgres_recovery_info,
)
from render.public_api.api.services import (
    create_service,
    delete_service,
    get_env_vars_for_service,
    list_events,
    list_secret_files_for_service,
    list_services,
    resume_service,
    retrieve_service,
    suspend_service,
    update_env_vars_for_service,
    update_secret_files_for_service,
    update_service,
)
from render.public_api.client import AuthenticatedClient
from render.public_api.models import (
    BlueprintPATCH,
    CreateCustomDomainBody,
    CreateDeployBody,
    EnvGroupPOSTInput,
    EnvVarKeyValue,
    PostJobBody,
    RollbackDeployBody,
    SecretFileInput,
    ServicePATCH,
    ServicePOST,
)

from tests.operations.clones import cloned
from tests.operations.cloud import cloud, unused, write_app


class WithoutNulls(httpx.HTTPTransport):
    """What Render sends as null while a deploy goes on, its own SDK can only read as left out."""

    def handle_request(self, request):
        """Leave the nulls of an answer out, and nothing else."""
        answer = super().handle_request(request)
        text = re.sub(rb'"(finishedAt|commit)":\s*null,?\s*', b"", answer.read())
        text = re.sub(rb",(\s*)}", rb"\1}", text)
        return httpx.Response(answer.status_code, headers=answer.headers, content=text)


@pytest.fixture(scope="module")
def client():
    """The SDK's client; a status that the document does not name is an error."""
    with AuthenticatedClient(
        base_url=cloud().standin.url,
        token=cloud().standin.settings.key,
        raise_on_unexpected_status=True,
        httpx_args={"transport": WithoutNulls()},
    ) as made:
        yield made


@pytest.fixture(scope="module")
def made(client):
    """A web service that the SDK made, live: its id, its repository, and its first deploy."""
    name = unused("sdk")
    with cloned(write_app) as clone:
        body = {
            "type": "web_service",
            "name": name,
            "ownerId": cloud().standin.settings.owner_id,
            "repo": str(clone.origin),
            "branch": "main",
            "autoDeploy": "no",
            "rootDir": "backend",
            "serviceDetails": {
                "runtime": "python",
                "plan": "starter",
                "region": "oregon",
                "healthCheckPath": "/",
                "envSpecificDetails": {
                    "buildCommand": "true",
                    "startCommand": "exec python app.py",
                },
            },
        }
        answer = said(create_service, client, body=ServicePOST.from_dict(body))
        first = ended(client, answer.service.id, answer.deploy_id)
        assert first.status == "live"
        yield answer.service.id, clone, first
        call(delete_service, client, answer.service.id)


def call(api, client, *given, **more):
    """Make a call of the SDK; return its whole answer."""
    return api.sync_detailed(*given, client=client, **more)


def said(api, client, *given, **more):
    """Make a call of the SDK; return what it understood, which must be of a documented type."""
    answer = call(api, client, *given, **more)
    assert answer.parsed is not None, answer.content
    return answer.parsed


def ended(client, service_id, deploy_id):
    """Wait until a deploy has ended."""
    for _ in range(300):
        deploy = said(retrieve_deploy, client, service_id, deploy_id)
        if deploy.finished_at:
            return deploy
        time.sleep(0.1)
    raise AssertionError(deploy.status)


def test_services_are_listed_read_and_changed(client, made):
    """What is patched reads back, and nothing else changes."""
    service_id, _, _ = made
    owner = [cloud().standin.settings.owner_id]

    listed = said(list_services, client, owner_id=owner, limit=100)
    patch = ServicePATCH.from_dict({"autoDeploy": "no", "branch": "main"})
    changed = said(update_service, client, service_id, body=patch)

    assert service_id in {each.service.id for each in listed}
    read = said(retrieve_service, client, service_id)
    assert (read.name, read.auto_deploy, read.branch) == (changed.name, "no", "main")


def test_variables_are_replaced_and_read(client, made):
    """The whole set, as it was given."""
    service_id, _, _ = made
    body = [EnvVarKeyValue(key="A", value="1"), EnvVarKeyValue(key="B", value="")]

    said(update_env_vars_for_service, client, service_id, body=body)

    found = said(get_env_vars_for_service, client, service_id, limit=100)
    assert {each.env_var.key: each.env_var.value for each in found} == {"A": "1", "B": ""}


def test_deploys_are_started_cancelled_followed_and_rolled_back(client, made):
    """Each by its id; the newest comes first."""
    service_id, _, first = made

    second = said(create_deploy, client, service_id, body=CreateDeployBody())
    assert ended(client, service_id, second.id).status == "live"
    third = said(create_deploy, client, service_id, body=CreateDeployBody())
    call(cancel_deploy, client, service_id, third.id)
    assert ended(client, service_id, third.id).status in {"canceled", "live"}
    back = said(rollback_deploy, client, service_id, body=RollbackDeployBody(deploy_id=first.id))
    assert ended(client, service_id, back.id).status == "live"

    listed = said(list_deploys, client, service_id, limit=10)
    assert [each.deploy.id for each in listed][:2] == [back.id, third.id]


def test_a_service_is_suspended_and_resumed(client, made):
    """Render answers 202 at once, and the service reads as asked a moment later."""
    service_id, _, _ = made

    for api, wanted in ((suspend_service, "suspended"), (resume_service, "not_suspended")):
        assert call(api, client, service_id).status_code == 202
        for _ in range(100):
            if said(retrieve_service, client, service_id).suspended == wanted:
                break
            time.sleep(0.1)
        assert said(retrieve_service, client, service_id).suspended == wanted


def test_a_job_runs_to_its_end_and_its_words_are_in_the_logs(client, made):
    """A one-off command, as a migration would be."""
    service_id, _, _ = made
    owner = cloud().standin.settings.owner_id

    job = said(post_job, client, service_id, body=PostJobBody(start_command="echo said-by-the-job"))
    for _ in range(100):
        job = said(retrieve_job, client, service_id, job.id)
        if job.finished_at:
            break
        time.sleep(0.1)

    assert job.status == "succeeded"
    start = datetime.now(UTC) - timedelta(minutes=5)
    found = said(list_logs, client, owner_id=owner, resource=[job.id], start_time=start)
    assert "said-by-the-job" in {each.message for each in found.logs}


def test_blueprints_are_listed_read_and_paused(client, made):
    """As the SDK knows them."""
    _, clone, _ = made
    attached = Blueprint("app", str(clone.origin))
    cloud().standin.blueprints.attach(attached)

    listed = said(list_blueprints, client, limit=100)
    said(update_blueprint, client, attached.id, body=BlueprintPATCH(auto_sync=False))
    read = said(retrieve_blueprint, client, attached.id)

    assert attached.id in {each.blueprint.id for each in listed}
    assert read.auto_sync is False
    del cloud().standin.blueprints.attached[attached.id]


def test_groups_files_and_domains_are_made_and_read(client, made):
    """What a service has beside its own variables."""
    service_id, _, _ = made
    owner = cloud().standin.settings.owner_id
    shared = EnvGroupPOSTInput("shared", owner, [EnvVarKeyValue(key="A", value="1")])

    group = said(create_env_group, client, body=shared)
    linked = said(link_service_to_env_group, client, group.id, service_id)
    listed = said(list_env_groups, client, limit=100)
    files = [SecretFileInput(name=".env", content="KEY=1")]
    said(update_secret_files_for_service, client, service_id, body=files)
    domain = CreateCustomDomainBody(name="app.example.com")
    said(create_custom_domain, client, service_id, body=domain)

    assert [each.id for each in linked.service_links] == [service_id]
    assert group.id in {each.id for each in listed}
    read = said(list_secret_files_for_service, client, service_id, limit=100)
    assert [each.secret_file.name for each in read] == [".env"]
    domains = said(list_custom_domains, client, service_id, limit=100)
    assert [each.custom_domain.name for each in domains] == ["app.example.com"]
    call(delete_env_group, client, group.id)


def test_what_happened_and_what_could_be_restored_are_read(client, made):
    """Events of a service, its requests, and the recovery of a database."""
    service_id, _, _ = made
    owner = {"id": "tea-1", "name": "o", "email": "e@example.test", "type": "team"}
    database = Database("legacy", owner)
    cloud().standin.workspace.databases[database.id] = database

    events = said(list_events, client, service_id, limit=100)
    series = said(get_http_requests, client, resource=service_id)
    recovery = said(retrieve_postgres_recovery_info, client, database.id)
    call(create_postgres_export, client, database.id)
    exports = said(list_postgres_export, client, database.id)

    assert "deploy_ended" in {each.event.type_ for each in events}
    assert isinstance(series, list)
    assert recovery.recovery_status == "AVAILABLE"
    assert len(exports) == 1
    del cloud().standin.workspace.databases[database.id]

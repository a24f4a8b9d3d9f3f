"""The stand-in's answers, held against Render's own OpenAPI document.

The document is Render's and not part of this project: the last test is skipped where the
environment variable RENDER_OPENAPI names no copy of it. The others carry a small one of their own.
"""

import json
import os

import pytest
from rehearsal.render.document import VARIABLE, Document
from rehearsal.render.records import Database
from rehearsal.wire import Answer

SMALL = {
    "openapi": "3.0.2",
    "paths": {
        "/services/{serviceId}/deploys": {
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "array",
                                    "items": {"$ref": "#/components/schemas/deployWithCursor"},
                                }
                            }
                        }
                    },
                    "404": {"$ref": "#/components/responses/NotFound"},
                }
            },
            "post": {"responses": {"202": {"description": "queued"}}},
        }
    },
    "components": {
        "responses": {
            "NotFound": {
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "properties": {"message": {"type": "string"}}}
                    }
                }
            }
        },
        "schemas": {
            "deployWithCursor": {
                "type": "object",
                "required": ["deploy", "cursor"],
                "properties": {
                    "deploy": {
                        "type": "object",
                        "required": ["id", "status"],
                        "properties": {
                            "id": {"type": "string"},
                            "status": {"type": "string", "enum": ["live", "build_in_progress"]},
                            "finishedAt": {"type": "string"},
                        },
                    },
                    "cursor": {"type": "string"},
                },
            }
        },
    },
}
PATH = "/services/srv-1/deploys"


def row(**changes):
    """Return a list with one deploy."""
    return [{"cursor": "c", "deploy": {"id": "dep-1", "status": "live", **changes}}]


@pytest.mark.parametrize(
    ("method", "path", "answer", "said"),
    [
        ("GET", PATH, Answer.of(row()), None),
        ("GET", PATH, Answer.of(row(finishedAt=None)), None),  # as recorded
        ("GET", PATH, Answer.of(row(id=None)), "None for not nullable"),
        ("GET", PATH, Answer.of(row(status="lively")), "'lively' is not one of"),
        ("GET", PATH, Answer.of([{"deploy": {}}]), "is a required property"),
        ("GET", PATH, Answer.of({"message": "not found"}, 404), None),
        ("GET", PATH, Answer.of({"message": 3}, 404), "3 is not of type 'string'"),
        ("GET", PATH, Answer.of({"message": "teapot"}, 418), "status 418 is not documented"),
        ("GET", PATH, Answer(200), "no body where one is documented"),
        ("POST", PATH, Answer(202), None),
        ("POST", PATH, Answer.of({}, 202), "a body where none is documented"),
        ("GET", "/nothing", Answer.of([]), "is in no document"),
    ],
)
def test_an_answer_that_is_none_of_renders_is_told(method, path, answer, said):
    """By its form, its status, or a body that should not be there."""
    found = Document(json.dumps(SMALL)).problem(method, path, answer)

    assert found is None if said is None else said in (found or "")


WHOLE = [
    "/users", "/owners", "/owners/{owner}/members", "/services",
    "/services/{web}", "/services/{cron}", "/services/{site}",
    "/services/{web}/env-vars", "/services/{web}/secret-files", "/services/{web}/custom-domains",
    "/services/{web}/deploys", "/services/{web}/deploys/{deploy}", "/services/{web}/events",
    "/services/{web}/instances", "/services/{web}/jobs", "/env-groups", "/blueprints", "/postgres",
    "/postgres/{database}", "/postgres/{database}/recovery", "/postgres/{database}/export",
    "/metrics/http-requests?resource={web}", "/metrics/http-latency?resource={web}",
    "/logs?ownerId={owner}&resource={web}", "/services/srv-00000000000000000000",
    "/metrics/http-requests?resolutionSeconds=many", "/logs?limit=many&ownerId=o&resource=r",
]  # fmt: skip


@pytest.mark.skipif(
    not os.environ.get(VARIABLE),
    reason=f"{VARIABLE} names no copy of Render's OpenAPI document, which is not ours to carry",
)
def test_every_answer_is_one_of_renders(render):
    """Each kind of service and each read, against the document that is given."""
    app = render.app("documented")
    cron, _ = render.create(
        "cron", kind="cron_job", schedule="0 0 * * *", startCommand="true", buildCommand="true"
    )
    site, _ = render.create("site", kind="static_site", buildCommand="true", publishPath="site")
    owner = {"id": "tea-1", "name": "o", "email": "e@example.test", "type": "team"}
    database = Database("legacy", owner)
    render.standin.workspace.databases[database.id] = database
    names = {
        "web": app["id"], "cron": cron["id"], "site": site["id"], "database": database.id,
        "deploy": render.standin.workspace.services[app["id"]].live.id,
        "owner": app["ownerId"],
    }  # fmt: skip
    for group in ("env-groups", "services/{web}/custom-domains"):
        body = {"name": "app.example.com", "ownerId": app["ownerId"], "envVars": []}
        assert render.call("POST", f"/{group.format(**names)}", json=body).status_code == 201
    for path in WHOLE:
        render.call("GET", path.format(**names))

    told = render.call("GET", "/_calls").json()

    assert told["validated"]
    assert [row for row in told["by_call"] if row["problems"]] == []

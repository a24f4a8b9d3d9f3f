"""Render's answers for one workspace, at the wire: shapes and statuses as its API gives them."""

from datetime import UTC, datetime, timedelta

from tests.clients.conftest import MARK, OWNER, Reply

WEB = "srv-web00000000000000000"
START = datetime(2026, 10, 3, 14, 0, tzinfo=UTC)


def page(found, wrapper, query):
    """Return one page of a list, as Render pages: 20 unless asked, 100 at most."""
    limit = min(int(query.get("limit", ["20"])[0]), 100)
    cursor = query.get("cursor", [None])[0]
    first = int(cursor.removeprefix("c")) + 1 if cursor else 0
    shown = list(enumerate(found))[first : first + limit]
    return [{"cursor": f"c{number}", wrapper: each} for number, each in shown]


def service(name="rotc-django-web", service_id=WEB, **changes):
    """Return a service object."""
    return {
        "autoDeploy": "yes",
        "branch": "main",
        "createdAt": "2026-10-01T08:00:00.123456Z",
        "dashboardUrl": f"https://dashboard.render.com/web/{service_id}",
        "id": service_id,
        "name": name,
        "notifyOnFail": "default",
        "ownerId": OWNER,
        "repo": "https://github.com/example/rotc",
        "rootDir": "rotc_backend",
        "serviceDetails": {
            "env": "python",
            "envSpecificDetails": {
                "buildCommand": "pip install -r requirements.txt",
                "startCommand": "gunicorn config.wsgi",
            },
            "healthCheckPath": "/api/health",
            "plan": "starter",
            "region": "oregon",
            "runtime": "python",
            "url": f"https://{name}.onrender.com",
        },
        "slug": name,
        "suspended": "not_suspended",
        "suspenders": [],
        "type": "web_service",
        "updatedAt": "2026-10-01T08:00:00.123456Z",
        **changes,
    }


class RenderWire:
    """One workspace behind a scripted server."""

    def __init__(self, wire):
        """Answer for one service without deploys."""
        self.wire = wire
        self.services = [service()]
        self.variables = {"SECRET_KEY": f"key-{MARK}", "DEBUG": "False"}
        self.deploys = []
        self.events = []
        self.lines = []
        self.log_time = START + timedelta(hours=1)
        path = f"/services/{WEB}"
        for method, where, answer in (
            ("GET", "/services", self._list_services),
            ("GET", path, lambda _: Reply(200, self.services[0])),
            ("PATCH", path, self._patch),
            ("POST", f"{path}/suspend", lambda _: self._suspended("suspended")),
            ("POST", f"{path}/resume", lambda _: self._suspended("not_suspended")),
            ("GET", f"{path}/env-vars", self._list_variables),
            ("PUT", f"{path}/env-vars", self._put_variables),
            ("GET", f"{path}/deploys", self._list_deploys),
            ("POST", f"{path}/deploys", self.begin),
            ("POST", f"{path}/rollback", lambda seen: self.begin(seen, trigger="rollback")),
            ("GET", f"{path}/events", self._list_events),
            ("GET", "/logs", self._logs),
        ):  # fmt: skip
            wire.on(method, where, answer)

    def posts(self):
        """Return how many requests for a deploy arrived."""
        return len(self.wire.requests("POST", f"/services/{WEB}/deploys"))

    def begin(self, seen=None, trigger="api", status="build_in_progress", **changes):
        """Make a deploy, newest first, and answer 201."""
        number = len(self.deploys)
        at = START + timedelta(minutes=number)
        asked = seen.json() if seen and seen.body else {}
        made = {
            "id": f"dep-{number:020d}",
            "commit": {"id": asked.get("commitId", f"{number:040x}"), "message": "m"},
            "status": status,
            "trigger": trigger,
            "createdAt": f"{at:%Y-%m-%dT%H:%M:%S}.123456789Z",
            "finishedAt": None,
            **changes,
        }
        self.deploys.insert(0, made)
        deploy_id = made["id"]
        self.wire.on(
            "GET", f"/services/{WEB}/deploys/{deploy_id}", lambda _: Reply(200, dict(made))
        )
        return Reply(201, made)

    def walk(self, deploy_id, *statuses):
        """Let each look at a deploy find the next of these statuses."""
        found = next(each for each in self.deploys if each["id"] == deploy_id)
        replies = [Reply(200, {**found, "status": status}) for status in statuses]
        self.wire.on("GET", f"/services/{WEB}/deploys/{deploy_id}", *replies)

    def log(self, *texts):
        """Add lines to the log."""
        for text in texts:
            self.log_time += timedelta(seconds=1)
            self.lines.append(
                {
                    "id": f"log{len(self.lines)}",
                    "message": text,
                    "timestamp": f"{self.log_time:%Y-%m-%dT%H:%M:%S}.123456789Z",
                    "labels": [
                        {"name": "resource", "value": WEB},
                        {"name": "type", "value": "app"},
                    ],
                }
            )

    def _list_services(self, seen):
        # The filter of the API is a help, not a promise: it lets similar names through.
        wanted = seen.query.get("name", [""])[0]
        found = [each for each in self.services if wanted in each["name"]]
        return Reply(200, page(found, "service", seen.query))

    def _list_events(self, seen):
        return Reply(200, page(self.events, "event", seen.query))

    def _patch(self, seen):
        self.services[0] |= seen.json()
        return Reply(200, self.services[0])

    def _suspended(self, word):
        self.services[0]["suspended"] = word
        return Reply(202)

    def _list_variables(self, seen):
        found = [{"key": key, "value": value} for key, value in self.variables.items()]
        return Reply(200, page(found, "envVar", seen.query))

    def _put_variables(self, seen):
        self.variables = {each["key"]: each["value"] for each in seen.json()}
        return Reply(200, page(seen.json(), "envVar", {}))

    def _list_deploys(self, seen):
        wanted = seen.query.get("status", [])
        found = [each for each in self.deploys if not wanted or each["status"] in wanted]
        return Reply(200, page(found, "deploy", seen.query))

    def _logs(self, seen):
        end = seen.query.get("endTime", ["9999"])[0]
        limit = int(seen.query["limit"][0])
        start = seen.query["startTime"][0]
        found = [each for each in self.lines if start <= each["timestamp"] < end]
        shown = found[-limit:]
        return Reply(
            200,
            {
                "hasMore": len(found) > len(shown),
                "nextStartTime": start,
                "nextEndTime": shown[0]["timestamp"] if shown else end,
                "logs": shown,
            },
        )

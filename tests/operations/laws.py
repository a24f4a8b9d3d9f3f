"""The worlds in which the steps of the plan are tried: real services, clones and databases."""

import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from hypothesis import strategies as st
from rehearsal.render.blueprints import Blueprint
from rehearsal.render.records import EnvVar

from handrail.testing.laws import World, harness
from handrail.transfer import freeze
from handrail.transfer.backup import backup
from handrail.transfer.load import load
from handrail.transfer.sql.compile import open_plan
from tests.clients.conftest import Reply, Wire
from tests.operations.clones import cloned, git
from tests.operations.cloud import WEB, WORKER, cloud, push, unused, write_app
from tests.operations.databases import MAPPING, databases

RUN = "law-19700101T0000Z"  # as the laws name the run
LEGACY, DJANGO = "http://legacy.example", "http://django.example"
WAIT = {"waiting": {"timeout_seconds": 30, "poll_seconds": 0.02}}


@contextmanager
def services(*definitions, write=write_app):
    """Names of services, and an origin they can be made from; what was made is gone afterwards."""
    names = [unused(each["type"]) for each in definitions]
    with cloned(write) as clone:
        try:
            yield clone, names
        finally:
            cloud().remove(*names)


def in_repository(name, **arguments):
    """Register a step that changes files of the app, each drawn from a few."""

    @harness(name)
    @contextmanager
    def world(data):
        with cloned() as clone:
            drawn = {
                key: data.draw(value, key) if isinstance(value, st.SearchStrategy) else value
                for key, value in arguments.items()
            }
            yield World({"repository": clone.inventory} | drawn, clone.look)


in_repository(
    "bind.gunicorn",
    path="rotc_backend/gunicorn.conf.py",
    workers=4,
    timeout_seconds=120,
)
in_repository(
    "bind.daphne",
    path="rotc_backend/bin/channels.sh",
    websocket_timeout_seconds=86_400,
)
in_repository(
    "package_json.put_scripts",
    path="package.json",
    scripts={"build": "cd client && npm run build", "start": "cd client && npm run preview"},
    remove=["prebuild", "prestart", "server:install"],
)
in_repository("archive.branch", branch="archive/nodejs-backend", path="server")


@harness("blueprint.replace")
@contextmanager
def blueprint(data):
    """The Blueprint of the Node days."""
    with cloned() as clone:
        definitions = {"web": WEB, "worker": WORKER}
        yield World(
            {
                "render": cloud().inventory,
                "repository": clone.inventory,
                "path": "render.yaml",
                "services": {"web": "rotc-django-web", "worker": "rotc-celery-worker"},
                "definitions": definitions,
                "python_version": "3.11.0",
                "others": {
                    "legacy": ["rotc-legacy", "rotc-keepalive"],
                    "held": ["rotc-frontend"],
                    "site": {},
                },
            },
            clone.look,
        )


@harness("files.put")
@contextmanager
def files(data):
    """One file that is new and one that is there, from sources that name a fact or none."""
    with cloned() as clone, TemporaryDirectory() as directory:
        sources = {}
        for path in data.draw(
            st.sampled_from([["README.md"], ["docs/NEW.md"], ["docs/NEW.md", "client/src/App.jsx"]])
        ):
            source = Path(directory, path.replace("/", "_"))
            source.write_text("# At $place\n")
            sources[path] = str(source)
        yield World(
            {"repository": clone.inventory, "files": sources, "facts": {"place": "home"}},
            clone.look,
        )


@harness("server_dir.delete")
@contextmanager
def server_dir(data):
    """An app whose backend is on its archive branch, and is needed no more."""
    with cloned() as clone:
        package = {
            "scripts": {"prebuild": "test -d server", "build": "x"},
            "dependencies": {"a": "1"},
        }
        freed = {"package.json": json.dumps(package), "render.yaml": "services: []\n"}
        push(clone.path, "need no server/", **freed)
        git(clone.path, "push", "--quiet", "origin", "main:refs/heads/archive/node")
        yield World(
            {
                "repository": clone.inventory,
                "archive": "archive/node",
                "path": "server",
                "package": "package.json",
                "scripts": ["prebuild", "prestart", "server:install"],
                "kept": ["rotc_backend/scripts", "client/package.json", "render.yaml"],
                "mentions": [],
            },
            clone.look,
        )


@harness("env.put")
@contextmanager
def variables(data):
    """Two services, of which one has a variable already; values are plain or secret."""
    with services(WEB, WORKER) as (clone, (web, worker)), TemporaryDirectory() as directory:
        cloud().add(
            cloud().service(
                web, clone.origin, env=[EnvVar("HOST", "old"), EnvVar("KEPT", "as is")]
            ),
            deploy=False,
        )
        cloud().add(cloud().service(worker, clone.origin, WORKER), deploy=False)
        secret = Path(directory, "secret")
        secret.write_text("s3cret")
        wanted = data.draw(
            st.sampled_from(
                [{"HOST": "0.0.0.0"}, {"HOST": "old"}, {"NEW": f"file:{secret}", "HOST": "x"}]
            )
        )
        yield World(
            {
                "render": cloud().inventory,
                "services": {"web": web, "worker": worker},
                "variables": wanted,
            },
            lambda: cloud().look(web, worker),
        )


@harness("env.generate_key")
@contextmanager
def key(data):
    """Three services; none, one or two have a key, and it may be too short."""
    with services(WEB, WEB, WORKER) as (clone, names):
        keys = data.draw(st.sampled_from([("", "", ""), ("", "k" * 50, "short"), ("k" * 60,) * 3]))
        for name, value in zip(names, keys, strict=True):
            env = [EnvVar("SECRET_KEY", value)] if value else []
            cloud().add(cloud().service(name, clone.origin, env=env), deploy=False)
        yield World(
            {"render": cloud().inventory, "services": names, "variable": "SECRET_KEY"},
            lambda: cloud().look(*names),
        )


@harness("service.create")
@contextmanager
def created(data):
    """No service yet, or one that deploys at every push, or is set up in another way."""
    with services(WEB, WORKER) as (clone, (web, worker)):
        if data.draw(st.booleans(), "one is there"):
            there = cloud().service(worker, clone.origin, WORKER, auto_deploy_trigger="commit")
            if data.draw(st.booleans(), "set up in another way"):
                there.root_dir, there.start_command, there.branch = "other", "true", "next"
            cloud().add(there, deploy=False)
        address = cloud().do(cloud().reserved(web))
        yield World(
            {
                "render": cloud().inventory,
                "services": {"web": web, "worker": worker},
                "definitions": {"web": WEB, "worker": WORKER},
                "service_source": {"repo": str(clone.origin), "branch": "main"},
                "addresses": {"web": address},
                "asleep": ["worker"],
            },
            lambda: cloud().look(web, worker),
        )


@harness("service.create_site")
@contextmanager
def site_is_made(data):
    """Node served the frontend: there is no site, or one that was suspended before it served."""
    with services({"type": "site"}) as (clone, (name,)):
        if data.draw(st.booleans(), "it is there, and suspended"):
            there = cloud().site(name, clone.origin, VITE_API_URL=LEGACY)
            there.suspended = True
            address = cloud().add(there, deploy=False).url
        else:
            address = cloud().do(cloud().reserved(name))
        yield World(
            {
                "render": cloud().inventory,
                "frontend_service": name,
                "frontend_url": address,
                "site": {
                    "rootDir": "site",
                    "buildCommand": "sh build.sh",
                    "staticPublishPath": "dist",
                },
                "service_source": {"repo": str(clone.origin), "branch": "main"},
                "variables": {"VITE_API_URL": LEGACY},
                **WAIT,
            },
            lambda: cloud().look(name),
        )


@harness("service.pause_autodeploy")
@contextmanager
def held(data):
    """Two services, of which some deploy at every push."""
    with services(WEB, WORKER) as (clone, names):
        for name in names:
            trigger = data.draw(st.sampled_from(["commit", "off"]), name.partition("-")[0])
            service = cloud().service(name, clone.origin, WORKER, auto_deploy_trigger=trigger)
            cloud().add(service, deploy=False)
        yield World({"render": cloud().inventory, "services": names}, lambda: cloud().look(*names))


@harness("sync.pause")
@contextmanager
def blueprints(data):
    """A Blueprint of the repository, another of it that is paused or not, and a stranger's."""
    with services(WEB) as (clone, _):
        attached = cloud().standin.blueprints.attached
        also = data.draw(st.booleans(), "the second syncs")
        found = [
            Blueprint("app", str(clone.origin)),
            Blueprint("next", str(clone.origin), "next", auto_sync=also),
            Blueprint("other", "https://example.org/other"),
        ]
        attached |= {each.id: each for each in found}
        yield World(
            {
                "render": cloud().inventory,
                "service_source": {"repo": str(clone.origin), "branch": "main"},
            },
            lambda: [each.auto_sync for each in found],
        )
        for each in found:
            del attached[each.id]


@harness("service.suspend")
@contextmanager
def suspended(data):
    """A service that serves, and one that was suspended before."""
    with services(WEB, WORKER) as (clone, names):
        cloud().add(cloud().service(names[0], clone.origin))
        asleep = cloud().service(names[1], clone.origin, WORKER, suspended=True)
        cloud().add(asleep, deploy=False)
        yield World({"render": cloud().inventory, "services": names}, lambda: cloud().look(*names))


@harness("deploy.release")
@contextmanager
def release(data):
    """A web service that serves an earlier commit, and a worker that never ran."""
    with services(WEB, WORKER) as (clone, names):
        cloud().add(cloud().service(names[0], clone.origin))
        cloud().add(cloud().service(names[1], clone.origin, WORKER), deploy=False)
        push(clone.path, "change the backend", backend__note="new\n")
        yield World(
            {
                "render": cloud().inventory,
                "repository": clone.inventory,
                "services": names,
                "root": "backend",
                "directory": str(clone.path.parent / "evidence"),
                **WAIT,
            },
            lambda: cloud().look(*names),
        )


@harness("job.run")
@contextmanager
def inside(data):
    """A live service, and a command whose work a file outside of it shows."""
    with services(WEB) as (clone, (name,)):
        cloud().add(cloud().service(name, clone.origin))
        shown = clone.path.parent / "migrated"
        word = data.draw(st.sampled_from(["one", "two words"]), "word")
        yield World(
            {
                "render": cloud().inventory,
                "service": name,
                "command": f"echo {word!r} > {shown}",
                "proof": f"grep -q {word!r} {shown}",
                "timeout_seconds": 30,
            },
            lambda: shown.read_text() if shown.exists() else None,
        )


@contextmanager
def site():
    """A static site that was built for the legacy backend; the next build has the new prefix."""
    with services({"type": "site"}) as (clone, (name,)):
        made = cloud().site(name, clone.origin, VITE_API_URL=LEGACY, VITE_WS_URL="", KEPT="as is")
        cloud().add(made)
        push(clone.path, "speak to /api/v1/", site__prefix="/api/v1/\n")
        yield name, made.url


@harness("frontend.release")
@contextmanager
def frontend(data):
    """A site that names the legacy backend."""
    with site() as (name, url):
        yield World(
            {
                "render": cloud().inventory,
                "frontend_service": name,
                "frontend_url": url,
                "variables": {"VITE_API_URL": DJANGO, "VITE_WS_URL": "ws://django.example"},
                "prefix": "/api/v1",
                **WAIT,
            },
            lambda: cloud().look(name),
        )


@harness("trial.switch_back")
@contextmanager
def trial(data):
    """A site that was switched to Django, and a legacy backend that lets known accounts in."""
    with ExitStack() as stack:
        wire = Wire()
        stack.callback(wire.close)
        user = {"token": "t", "user": {"id": 1, "username": "admin", "role": "admin"}}
        wire.on("POST", "/api/auth/login", Reply(200, user))
        directory = Path(stack.enter_context(TemporaryDirectory()))
        canaries = directory / "canaries"
        canaries.write_text(json.dumps([{"username": "admin", "password": "x", "role": "admin"}]))
        clone, (name,) = stack.enter_context(services({"type": "site"}))
        made = cloud().add(cloud().site(name, clone.origin, VITE_API_URL=wire.url))
        cloud().running(name).service.env = [EnvVar("VITE_API_URL", DJANGO)]
        cloud().ask(name)
        cloud().settle(name)
        record = directory / RUN / "rollback-drill.json"
        yield World(
            {
                "render": cloud().inventory,
                "frontend_service": name,
                "frontend_url": made.url,
                "legacy_url": wire.url,
                "web_url": DJANGO,
                "profile": str(Path(__file__).parents[2] / "inventory" / "rotc.profile.yaml"),
                "system": "legacy",
                "canaries": f"file:{canaries}",
                "max_minutes": 1,
                "directory": str(directory),
                **WAIT,
            },
            lambda: (cloud().look(name), served(name), record.exists()),
        )


def served(name):
    """Return the script of a site as it is served."""
    return (cloud().running(name).live.artifact / "site/dist/app.js").read_text()


@harness("freeze.writes")
@contextmanager
def frozen(data):
    """A legacy database that takes writes, or was frozen before."""
    with databases() as pair:
        if data.draw(st.booleans(), "frozen before"):
            freeze.freeze(pair.url["legacy"])
        yield World(
            {"source": pair.reference("legacy"), "sessions_let_be": {}, "asked": True},
            lambda: freeze.is_frozen(pair.url["legacy"]),
        )


@harness("backup.take")
@contextmanager
def taken(data):
    """A migrated database, and no backup of it."""
    with databases() as pair:
        place = pair.directory / "evidence" / RUN / "backup-django"
        yield World(
            {
                "database": pair.reference("django"),
                "label": "django",
                "directory": str(pair.directory / "evidence"),
            },
            lambda: (backup.fingerprint(pair.url["django"]), place.exists()),
        )


@harness("backup.prove")
@contextmanager
def proven(data):
    """A migrated database with a backup that was taken and not restored yet."""
    with databases() as pair:
        directory = pair.directory / "evidence"
        place = directory / RUN / "backup-django"
        backup.take(pair.url["django"], place)
        yield World(
            {
                "database": pair.reference("django"),
                "label": "django",
                "directory": str(directory),
            },
            lambda: (backup.fingerprint(pair.url["django"]), backup.proof(place) is not None),
        )


@harness("data.export")
@contextmanager
def exported(data):
    """A frozen legacy database, and a Django one whose columns the rows must fit."""
    with databases() as pair:
        freeze.freeze(pair.url["legacy"])
        place = pair.directory / "evidence" / RUN / "export"
        yield World(
            {
                "source": pair.reference("legacy"),
                "destination": pair.reference("django"),
                "mapping": str(MAPPING),
                "directory": str(pair.directory / "evidence"),
            },
            lambda: sorted(each.name for each in place.iterdir()) if place.exists() else None,
        )


@harness("data.load")
@contextmanager
def loaded(data):
    """A legacy database, an empty Django one, and a proven backup of that."""
    with databases() as pair:
        pair.place_backup(RUN, "django")
        yield World(
            {
                "source": pair.reference("legacy"),
                "destination": pair.reference("django"),
                "mapping": str(MAPPING),
                "directory": str(pair.directory / "evidence"),
                "label": "django",
                "workers": 1,
                "cluster": "",
            },
            lambda: rows(pair.url["django"]),
        )


@harness("data.catch_up")
@contextmanager
def followed(data):
    """A finished load, and legacy rows written since; then writes were stopped, or were not."""
    with databases() as pair:
        urls = (pair.url["legacy"], pair.url["django"])
        load.load(open_plan(MAPPING, *urls), *urls)
        with psycopg.connect(pair.url["legacy"], autocommit=True) as session:
            session.execute("update cadets set first_name = 'x' where id % 2 = 0")
        stopped = data.draw(st.booleans(), "writes were stopped")
        if stopped:
            freeze.freeze(pair.url["legacy"])
        yield World(
            {
                "source": pair.reference("legacy"),
                "destination": pair.reference("django"),
                "mapping": str(MAPPING),
                "bound_seconds": 0 if stopped else 300,
                "directory": str(pair.directory / "evidence"),
            },
            lambda: rows(pair.url["django"]),
        )


def rows(url):
    """Return rows and hash of every table, but of the record of how a load went."""
    with psycopg.connect(url) as session:
        name = session.execute("select current_database()").fetchone()
    told = backup.fingerprint(url)
    return name, {table: seen for table, seen in told.items() if "_migration" not in table}

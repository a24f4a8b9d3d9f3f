"""The environment a command gets: the platform's own variables, then the service's."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from rehearsal.render.records import SHORT_TYPE, Deploy, Service
from rehearsal.render.settings import Settings


def _base(settings: Settings) -> dict[str, str]:
    """Return what every command needs; nothing of the parent's environment leaks through."""
    return {
        "PATH": settings.path,
        "HOME": str(settings.directory / "home"),
        "TMPDIR": str(settings.directory / "tmp"),
        "LANG": "C.UTF-8",
    }


def _offline(settings: Settings) -> dict[str, str]:
    """Return what keeps package managers off the network: builds find everything in place."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "npm_config_offline": "true",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "npm_config_ignore_scripts": "true",  # no package of the app needs one
    } | settings.build_env


def _platform(service: Service, deploy: Deploy) -> dict[str, str]:
    """Return Render's default variables. Source: render.com/docs/environment-variables."""
    commit = (deploy.commit or {}).get("id", "")
    return {
        "RENDER": "true",
        "IS_PULL_REQUEST": "false",
        "RENDER_SERVICE_ID": service.id,
        "RENDER_SERVICE_NAME": service.name,
        "RENDER_SERVICE_TYPE": SHORT_TYPE[service.type],
        "RENDER_EXTERNAL_URL": service.url,
        # A name without the port, since that is what hosts are compared by.
        "RENDER_EXTERNAL_HOSTNAME": urlsplit(service.url).hostname or "",
        "RENDER_DISCOVERY_SERVICE": f"{service.slug}-discovery",
        "RENDER_GIT_BRANCH": deploy.snapshot.branch,
        "RENDER_GIT_COMMIT": commit,
        "RENDER_GIT_REPO_SLUG": "rehearsal/rotc",
        "RENDER_CPU_COUNT": "1",
    }


def _inside(settings: Settings, variables: Mapping[str, str]) -> dict[str, str]:
    """Return a service's variables; it stands beside what is far for the operator."""
    far, near = settings.inside or ("", "")
    return {key: value.replace(far, near) if far else value for key, value in variables.items()}


def build_environment(settings: Settings, service: Service, deploy: Deploy) -> dict[str, str]:
    """Return the environment of a build or pre-deploy command."""
    ci = {"CI": "true"} if service.runtime == "python" else {}
    own = _inside(settings, deploy.snapshot.env)
    return _base(settings) | _offline(settings) | _platform(service, deploy) | ci | own


def instance_scratch(settings: Settings, instance_id: str) -> Path:
    """Return the temporary directory of one instance."""
    return settings.directory / "tmp" / instance_id


def run_environment(
    settings: Settings, service: Service, deploy: Deploy, port: int, instance_id: str
) -> dict[str, str]:
    """Return the environment of a start command; PORT stands for the 10000 of the original."""
    runtime = {"RENDER_INSTANCE_ID": instance_id, "RENDER_WEB_CONCURRENCY": "1"}
    # Instances share no disk on Render; two that overlap must not meet in a temporary file here.
    runtime["TMPDIR"] = str(instance_scratch(settings, instance_id))
    if service.type in {"web_service", "private_service"}:
        runtime["WEB_CONCURRENCY"] = "1"
    if service.runtime == "python":
        runtime["FORWARDED_ALLOW_IPS"] = "*"
        runtime["GUNICORN_CMD_ARGS"] = f"--preload --access-logfile - --bind=0.0.0.0:{port}"
    elif service.runtime == "node":
        runtime["NODE_ENV"] = "production"
    own = _inside(settings, deploy.snapshot.env)
    environment = _base(settings) | _platform(service, deploy) | runtime | own
    # One machine has one set of ports: a PORT of the service's own would meet the next instance.
    return environment | {"PORT": str(port)}

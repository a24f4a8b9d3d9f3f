"""The inventory data that the ROTC runbooks need, by group of targets."""

from collections.abc import Mapping
from typing import Any, TypedDict


class EveryTarget(TypedDict):
    """What all targets know: the app, and what becomes of it."""

    repository: dict[str, str]  # path of a clone, its remote and branch; or an address and branch
    render: dict[str, str | list[str]]  # api, key, owner, shown
    mapping: str  # the mapping file
    system: str  # which of the profile's systems the new one is
    profile: str  # the file that says what the application looks like from outside
    browser: dict[str, str]  # `program`, the path of a Chromium, or why it is `absent`
    tables: list[str]  # the 19, in dependency order
    python_version: str
    definitions: dict[str, dict[str, Any]]  # Blueprint entries, by the part they play
    services: dict[str, str]  # the new system's names on Render, by part
    gunicorn: dict[str, str | int]  # its configuration file, workers and timeout
    daphne: dict[str, str | int]  # its start script, and the longest life of a WebSocket
    migration_scripts: dict[str, str]  # source by path: the move, for a clone without a runbook
    client_tests: dict[str, str]  # source by path: the tests of the frontend's API client
    api_prefix: str  # path of the API that the frontend asks
    blueprint_others: dict[str, Any]  # names of legacy and held services, entry of a static site
    package_scripts: dict[str, str]
    package_scripts_to_remove: list[str]
    client_scripts: dict[str, str]  # of the frontend's own package.json
    archive_branch: str
    window_seconds: int  # a system is watched so long
    drilled: bool  # nothing is destroyed before the plan was drilled
    min_requests: int  # and asked so often at least
    max_error_percent: float
    max_p95_seconds: float  # 95 of 100 reads are done in so long
    requests: int  # reads at once, where there is no window to wait for
    coverage: float  # of the window, must have been looked at; 0 to 1
    limits: dict[str, float]  # error budget, and what is too much at any moment: soak.Limits
    monitor: dict[str, float]  # between two looks, and for the window at the longest
    workers: int  # processes that load rows at a time
    root: str  # the backend's folder in the repository
    waiting: dict[str, float]  # longest wait for a deploy, and the pause between two looks
    poll_seconds: float  # pause between two looks of a gate
    linked_files: dict[str, float]  # of files that rows point to: bounds in time and number
    third_parties: dict[str, dict[str, str]]  # by name: what the application's secret opens there
    ask_for_files: bool  # whether they are asked for at all
    sessions_let_be: dict[str, str]  # roles whose sessions a freeze leaves, each with a reason
    freeze_before_load: bool  # the long way: writes stop before the rows move, not after
    soak_policy: str  # what follows where the watch is red: `propose` a way back, or `run` it
    confirm_switch_minutes: float  # the switch is put back unless confirmed so soon; 0: it stays


class RepositoryTarget(EveryTarget):
    """The app's repository."""

    facts: dict[str, str]  # values for the `$names` in the files that are written


class SystemTarget(EveryTarget):
    """One whole system: services on Render, databases, accounts that must work."""

    service_source: dict[str, str]  # repo and branch that new services are built from
    legacy_service: str
    keepalive_service: str
    frontend_service: str
    legacy_url: str
    frontend_url: str
    web_url: str
    channels_url: str
    websocket_url: str
    allowed_hosts: str
    source: str  # the legacy database
    destination: str  # the Django database
    redis: str
    cloudinary_variables: dict[str, str]
    canaries: str
    alerts: str
    directory: str


NEEDS: Mapping[str, type] = {"repository": RepositoryTarget, "system": SystemTarget}

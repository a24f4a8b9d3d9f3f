"""What a stand-in is told: where it works, how long its clocks run, what its builds find."""

from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.render.document import Document


@dataclass(frozen=True)
class Clocks:
    """Render's waits, scaled from minutes to seconds. All in seconds."""

    # Source of the originals: render.com/docs/deploys and /docs/health-checks (15 min to become
    # healthy, 5 s for a health answer, 60 s between the switch and SIGTERM, 30 s to SIGKILL).
    build_seconds: float = 600.0
    port_scan_seconds: float = 60.0  # nothing listens at all: a loaded machine starts slowly
    localhost_scan_seconds: float = 8.0  # only a loopback port is open: it will not get better
    health_seconds: float = 60.0
    health_answer_seconds: float = 5.0
    drain_seconds: float = 1.0
    shutdown_seconds: float = 10.0
    settle_seconds: float = 1.5  # a worker that survives this long is live
    autodeploy_seconds: float = 1.0
    restart_seconds: float = 1.0  # before a crashed instance is started again


@dataclass(frozen=True)
class Settings:
    """Everything a stand-in needs to know before it starts."""

    directory: Path  # builds and logs go here
    key: str
    owner_id: str
    owner_name: str = "rehearsal"
    owner_email: str = "operator@example.test"
    owner_role: str = "ADMIN"  # of the person whose key it is
    path: str = "/usr/bin:/bin"  # PATH of builds and services
    build_env: dict[str, str] = field(default_factory=dict)  # where package caches are
    clocks: Clocks = field(default_factory=Clocks)
    enforce_rate_limits: bool = False
    # of an address that is far for the operator: as it stands there, as services reach it
    inside: tuple[str, str] | None = None
    document: Document | None = field(default_factory=Document.given)

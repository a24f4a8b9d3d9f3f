"""Two steps on a world in memory: one that may act again, and one that may not."""

from handrail.engine import Commands, Finding, call, holds_if, step

WORLD: dict = {}


def EFFECT(key, text):  # noqa: N802  replaced by whoever runs them
    """Change the world."""
    WORLD[key] = text


def content(key: str) -> str | None:
    """Return what stands there."""
    return WORLD.get(key)


def says(key: str, text: str) -> Finding:
    """It says the text."""
    return holds_if(WORLD.get(key) == text, f"it says {WORLD.get(key)!r}")


def write(key: str, text: str | None) -> None:
    """Let it say something."""
    EFFECT(key, text)


def restore(key: str, before: str | None) -> None:
    """Put back what was there."""
    EFFECT(key, before)


@step(captures=content, ensures=says, rollback=restore)
def once(key: str, text: str) -> Commands:
    """Write, at most once unattended."""
    yield call(write, key, text)


@step(captures=content, ensures=says, rollback=restore, idempotent=True)
def again(key: str, text: str) -> Commands:
    """Write, again where it was interrupted."""
    yield call(write, key, text)

"""Steps on a world in memory: done once, done again, made from another; and a gate at the end."""

from handrail.engine import Commands, Finding, call, gate, holds_if, step

WORLD: dict = {}
SOURCE = "1"  # of what `mirror` writes


def EFFECT(key, text):  # noqa: N802  replaced by whoever runs them
    """Change the world."""
    WORLD[key] = text


def content(key: str) -> str | None:
    """Return what stands there."""
    return WORLD.get(key)


def says(key: str, text: str) -> Finding:
    """It says the text."""
    return holds_if(WORLD.get(key) == text, f"it says {WORLD.get(key)!r}")


def says_as_its_source(key: str) -> Finding:
    """It says what its source says."""
    return says(key, WORLD.get(SOURCE))


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


@step(captures=content, ensures=says_as_its_source, rollback=restore, idempotent=True)
def mirror(key: str) -> Commands:
    """Write what the source says, again where it was interrupted or the source moved on."""
    yield call(write, key, WORLD.get(SOURCE))


@gate(fix="run it again")
def agrees(key: str) -> Finding:
    """It says what its source says."""
    return says_as_its_source(key)

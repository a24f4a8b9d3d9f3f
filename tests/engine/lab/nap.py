"""A step in a file of its own name, in a folder that does not hand it on."""

from lab.steps import content, effect, file_says, restore

from handrail.engine import Commands, call, step


@step(captures=content, ensures=file_says, rollback=restore)
def nap(path: str, text: str) -> Commands:
    """Make a file say something."""
    yield call(effect, path, text)

"""Steps of a night: what they put at stake, what their way back loses, the SQL they would run."""

from handrail.engine import Commands, Sql, call, step

from .steps import content, effect, file_says, restore


def query_of(path: str) -> Sql:
    """Return what would be run."""
    return Sql(f"select '{path[-1]}';")


@step(captures=content, ensures=file_says, rollback=restore, preview=query_of)
def query(path: str, text: str) -> Commands:
    """Make a file say something, by a query."""
    yield call(effect, path, text)


@step(
    captures=content,
    ensures=file_says,
    rollback=restore,
    rollback_name="Give the file back to its owner",
    rollback_loses="what came since is kept aside",
    idempotent=True,
)
def gather(path: str, text: str) -> Commands:
    """Make a file say something that others add to."""
    yield call(effect, path, text)


@step(
    captures=content,
    ensures=file_says,
    rollback=restore,
    rollback_name="Let people write again",
    stake="people cannot write",
    idempotent=True,
)
def freeze(path: str, text: str) -> Commands:
    """Stop people from writing."""
    yield call(effect, path, text)

"""pyinfra's facts inside of clauses: what could not be read is told, and never taken for absent."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyinfra.api.exceptions import PyinfraError
from pyinfra.context import ctx_host, ctx_state

from handrail.clients.errors import ClientError
from handrail.engine.plain_operations import told_apart


@contextmanager
def facts_answer() -> Iterator[None]:
    """Raise where a fact that a clause reads does not answer.

    pyinfra marks the target as failed then, says so, and returns the fact's default: a file that
    could not be looked at reads as one that is not there.

    Raises:
        ClientError: pyinfra could not read a fact.
    """
    if not (ctx_host.isset() and ctx_state.isset()):  # type: ignore[no-untyped-call]
        yield  # a clause is asked outside of pyinfra, by a test say
        return
    target, state = ctx_host.get(), ctx_state.get()  # type: ignore[no-untyped-call]
    before = target in state.failed_hosts
    why = "see pyinfra's lines above"
    try:
        with told_apart():
            yield
    except PyinfraError as error:
        why = str(error)
    else:
        if before or target not in state.failed_hosts:
            return
    fix = "mend what pyinfra's lines above say, then the same command again"
    raise ClientError("a fact of pyinfra was not read", why, fix)

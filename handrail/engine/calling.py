"""A call of a step in a runbook: what it may say, and how pyinfra gets it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyinfra.api.arguments import all_argument_meta, all_global_arguments, pop_global_arguments
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_config, host, state

from handrail.engine.here import refuse_absent
from handrail.engine.inventory import data_of, selected
from handrail.engine.output import tasks_named
from handrail.engine.plain_operations import ours
from handrail.engine.reading import runbook_frame
from handrail.ledger.errors import RunbookError
from handrail.naming import meant

PROOF = "would let a step pass without its proof"
TWICE = "would run a step's body again behind the ledger's back"
# pyinfra's global arguments that no step may run under, and what each would do.
FORBIDDEN = {
    "_ignore_errors": PROOF,
    "_continue_on_error": PROOF,
    "_if": PROOF,
    "_run_once": PROOF,
    "_retries": TWICE,
    "_retry_until": TWICE,
}
SETTINGS = {name for name, _ in all_global_arguments() if name.startswith("_")}

Commands = Callable[[], Iterator[PyinfraCommand]]


def refuse_form(
    step: str, args: tuple[object, ...], task: object, words: Mapping[str, object]
) -> None:
    """Raise where a call does not have the form of one.

    Args:
        step: Ledger name of the step.
        args: Arguments passed without a name.
        task: What stands as `task=`.
        words: What stands as `name=` and `on=`, where the call is for this target.

    Raises:
        RunbookError: it has an argument without a name, no task id, or a word that is no text.
    """
    what = f"`{step}` cannot be called like this"
    if args:
        fix = f"write each argument by its name: `{step.rpartition('.')[2]}(task=…, …)`"
        raise RunbookError(what, f"{args[0]!r:.60} is passed without a name", fix)
    refuse_absent([task, *words.values()])
    if not isinstance(task, str) or not task:
        given = f"`task={task!r:.40}` is no text" if task else "the call has no task id"
        raise RunbookError(what, given, 'give it one of its own, as the plan does: `task="3.2"`')
    for word, value in words.items():
        _refuse_word(what, word, value)


def _refuse_word(what: str, word: str, value: object) -> None:
    """Raise where a word of a call is no text, or cannot be told when the call is read."""
    if tasks_named(str(value)):
        fix = "leave it out there; a step may read it as an argument"
        raise RunbookError(what, f"`{word}=` says what only a later step can read", fix)
    if not isinstance(value, str):
        raise RunbookError(what, f"`{word}={value!r:.60}` is no text", f'write `{word}="…"`')


def refuse_settings(step: str, settings: dict[str, Any]) -> None:
    """Raise where pyinfra's own arguments would take a step's proof away.

    They are judged as pyinfra will see them: from the call, the inventory, its configuration or
    its command line.

    Raises:
        RunbookError: one is forbidden, or there is none of that name.
    """
    what = f"`{step}` cannot be called like this"
    for name in sorted(settings.keys() - SETTINGS):
        why = f"pyinfra knows no `{name}`{meant(name, SETTINGS)}"
        raise RunbookError(what, why, "correct it, or leave it out")
    try:
        effective = _effective(settings)
    except PyinfraError as error:
        raise RunbookError(what, str(error), "correct the call") from None
    for name in effective:
        # `--retry` of the command line is for plain operations; `add` keeps it from steps.
        if name in data_of(host) | settings or name != "_retries":
            where = "" if name in settings else " (from the inventory, or pyinfra's configuration)"
            fix = "leave it out; a step that is idempotent acts again by the same command"
            raise RunbookError(what, f"`{name}`{where} {FORBIDDEN[name]}", fix)


def _effective(settings: dict[str, Any]) -> list[str]:  # Any: pyinfra's arguments
    """Return which of pyinfra's forbidden arguments a call has, wherever they come from.

    pyinfra reads them all once more for each call; those that the call itself does not give are
    read from where they come from: its deploy, the data of its target, the configuration.
    """
    found: Mapping[str, Any] = (
        pop_global_arguments(state, host, dict(settings))[0] if settings else _from_elsewhere()
    )
    return [name for name in FORBIDDEN if found.get(name)]


def _from_elsewhere() -> dict[str, Any]:  # Any: as above
    config = ctx_config.get() or state.config  # type: ignore[no-untyped-call]
    known = {name: all_argument_meta[name].default(config) for name in FORBIDDEN}
    known |= {name: host.data.get(name, value) for name, value in known.items()}
    return known | (host.current_deploy_kwargs or {})


def canaries(canary: object, on: str | None) -> list[str]:
    """Return the targets that go first: so many of a call's own, in the inventory's order.

    Raises:
        RunbookError: `canary=` is no count.
    """
    if not isinstance(canary, int) or isinstance(canary, bool) or canary < 0:
        why = f"`canary={canary!r:.40}` is not a number of targets"
        raise RunbookError("the runbook was not started", why, "write `canary=1`, say")
    return [each.name for each in host.inventory if selected(on, each)][:canary]


def add(name: str, commands: Commands, settings: dict[str, Any], *, here: bool) -> str:
    """Add an operation to pyinfra on this target; elsewhere it only keeps its place.

    Returns how pyinfra calls it.

    pyinfra orders operations by what each target does one after the other. A call that one target
    left out would let its next call run too early, so every target gets every call, and those
    that it is not for are taken away again.
    """
    with ours(host):
        act = operation()(_generator(commands if here else _nothing))
        added = act(name=name, **({"_retries": 0} | settings))
    if not here:
        state.ops[host].pop(added._hash, None)  # noqa: SLF001  pyinfra offers no other way
        meta = state.get_meta_for_host(host)
        meta.ops -= 1
        meta.ops_no_change -= 1
    return str(added._hash)  # noqa: SLF001  as above


def _generator(commands: Commands) -> Callable[[], Any]:
    def run() -> Iterator[PyinfraCommand]:
        yield from commands()

    return run


def _nothing() -> Iterator[PyinfraCommand]:
    return iter(())


def place() -> str:
    """Return file and line of the call in the runbook.

    Raises:
        RunbookError: there is none; a step was called from elsewhere.
    """
    frame = runbook_frame()
    if frame is None:
        why = "a step was called from outside of the runbook file"
        raise RunbookError("nothing was started", why, "call steps in the runbook itself")
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

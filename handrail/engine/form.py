"""The form of a step as a runbook calls it, for editors and type checkers."""

from collections.abc import Iterable, Mapping
from typing import ParamSpec, Protocol

from pyinfra.api.arguments_typed import EnvValue

from handrail.engine.contract import Contract

P = ParamSpec("P")


class Step(Protocol[P]):
    """A step as a runbook calls it: by name, with its own arguments and these.

    Args:
        task: Id of the plan's task; unique in the runbook, for it is the step's stable identity.
        name: A sentence an operator approves; the step's own first line where it is left out.
        on: Target or group that the call is for; all targets where it is left out.
        canary: So many of them, in the inventory's order, go first and one by one; the others
            begin when these are proven.
        until: Of a gate, the task that makes its claim history: once it is done, the gate is not
            asked again whatever changes. Of a step with a stake, the task or hold that ends it.
        stake: What is at stake from this call's act on, where it is not what the step says of
            itself; an empty text where nothing is.
        owner: Who answers for it, for people: plan, console and report show it.
        confirm_minutes: The step is armed: it is put back, and all that came after it, unless
            somebody confirms it in so many minutes after its end; 0 arms nothing.
        policy: Of a gate, what follows where it was looked at and does not hold: `propose` a way
            back, as ever, or `run` it at once, to the last hold at which nothing is at stake.
        _serial: One target after the other, in the inventory's order.
    """

    contract: Contract

    def __call__(
        self,
        task: str,
        name: str = "",
        on: str | None = None,
        canary: int = 0,
        until: str = "",
        stake: str | None = None,
        owner: str = "",
        confirm_minutes: float = 0,
        policy: str = "propose",
        _serial: bool = False,
        _parallel: int | None = None,
        _sudo: bool = False,
        _sudo_user: str | None = None,
        _use_sudo_login: bool = False,
        _sudo_password: str | None = None,
        _preserve_sudo_env: bool = False,
        _su_user: str | None = None,
        _use_su_login: bool = False,
        _preserve_su_env: bool = False,
        _su_shell: str | None = None,
        _su_password: str | None = None,
        _doas: bool = False,
        _doas_user: str | None = None,
        _dzdo: bool = False,
        _dzdo_user: str | None = None,
        _shell_executable: str | None = None,
        _chdir: str | None = None,
        _env: Mapping[str, EnvValue] | None = None,
        _success_exit_codes: Iterable[int] = (0,),
        _timeout: int | None = None,
        _get_pty: bool = False,
        _stdin: str | Iterable[str] | None = None,
        _temp_dir: str | None = None,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Declare the step on the targets of this run."""

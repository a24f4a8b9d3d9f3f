"""What the commands of a step came to: which they were, and what is left of one that failed."""

from dataclasses import dataclass, field
from typing import Any

KEPT_BYTES = 4096  # of the output, the end; of the command itself, the beginning
KEPT_COMMANDS = 40  # of a step
KEPT_WORDS = 200  # characters of a command that did its part


@dataclass
class Failure:
    """Why the commands of a step ended early; empty as long as none did.

    Args:
        why: The end of a sentence; what a Python call said, or which command did not succeed.
        command: The command as pyinfra shows it, secrets withheld; empty where a call failed.
        exit_status: Of a shell line; None where it was cut off, or something else was carried out.
        output: The end of what it said, secrets withheld.
        commands: What was carried out, as the ledger keeps it.
    """

    why: str = ""
    command: str = ""
    exit_status: int | None = None
    output: str = ""
    commands: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def __bool__(self) -> bool:
        """Tell whether anything failed."""
        return bool(self.why)

    def of_command(self, command: str, output: str, exit_status: int | None) -> None:
        """Take what a failed command left behind."""
        self.command = command.encode()[:KEPT_BYTES].decode(errors="ignore")
        self.output = output.encode()[-KEPT_BYTES:].decode(errors="ignore")
        self.exit_status = exit_status
        first = (command.splitlines() or ["a command"])[0]
        how = "did not succeed" if exit_status is None else f"ended with {exit_status}"
        self.why = f"`{first}` {how}"

    def carried_out(self, command: str, seconds: float) -> None:
        """Take note of a command that came to its end; the one that failed has its status."""
        if len(self.commands) < KEPT_COMMANDS:
            status = {"exit_status": self.exit_status} if self.command else {}
            said = {"command": " ".join(command.split())[:KEPT_WORDS], "good": not self}
            self.commands.append(said | {"took_ms": round(seconds * 1000)} | status)

    def said(self) -> dict[str, Any]:  # Any: JSON
        """Return what the ledger keeps of the commands; nothing where there was none."""
        return {"commands": self.commands} if self.commands else {}

    def evidence(self) -> dict[str, Any]:  # Any: JSON
        """Return what the ledger keeps beside the reason: nothing where no command failed."""
        if not self.command:
            return self.said()
        kept = {"command": self.command, "exit_status": self.exit_status, "output": self.output}
        return {"failure": kept} | self.said()

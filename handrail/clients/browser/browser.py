"""Which browser there is: the path of a Chromium, or why there is none."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Self

from handrail.clients.errors import ClientError

ANSWER_SECONDS = 20
FIX = (
    "install one (`apt install chromium`) and name it in the inventory, as "
    '`browser = {"program": "/usr/bin/chromium"}`, or write `browser = {"absent": "why"}` there'
)


@dataclass(frozen=True)
class Browser:
    """A Chromium of this machine.

    Args:
        program: Its path, or its name on PATH.
        absent: Why there is none; empty where there is one.
    """

    program: str
    absent: str = ""

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Take ``{"program": path}`` or ``{"absent": why}``.

        Raises:
            ClientError: it is neither.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping) and len(value) == 1:
            program, absent = value.get("program", ""), value.get("absent", "")
            if isinstance(program, str) and isinstance(absent, str) and (program or absent):
                return cls(program, absent)
        raise ClientError("`browser` was not read", "it names no program and no reason", FIX)

    def version(self) -> str:
        """Return what the program calls itself.

        Raises:
            ClientError: it is not there, does not answer, or nothing here can drive it.
        """
        what = f"browser `{self.program}` cannot be used"
        if shutil.which(self.program) is None:
            raise ClientError(what, "there is no such program", FIX)
        if find_spec("playwright") is None:
            why = "`playwright`, which drives it, is not installed"
            raise ClientError(what, why, 'pip install "handrail[browser]"')
        try:
            ended = subprocess.run(
                [self.program, "--version"],
                capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise ClientError(what, f"it does not tell its version: {error}", FIX) from None
        return ended.stdout.strip()

"""A span of time as people type it: `30m`."""

import re
from typing import Any

import click

SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
UNITS = {"s": 1, "m": 60, "h": 3600}


class Span(click.ParamType[float]):
    """A span of time: ``30m``, ``90s``, ``2h``; in seconds."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:  # Any: as click has it
        """Read it."""
        found = SPAN.fullmatch(str(value))
        if found is None or not float(found[1]):
            self.fail(f"`{value}` is no span of time: write `30m`, `90s` or `2h`", param, ctx)
        return float(found[1]) * UNITS[found[2]]

"""A span of time as people type it: ``30m``, ``90s``, ``2h``."""

import re

import click

SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a span of time, in seconds; None where none was typed.

    Raises:
        BadParameter: it is none, or is nothing.
    """
    if value is None:
        return None
    found = SPAN.fullmatch(value)
    if found is None or not float(found[1]):
        told = f"`{value}` is no span of time: write `30m`, `90s` or `2h`"
        raise click.BadParameter(told, ctx, param)
    return float(found[1]) * UNITS[found[2]]

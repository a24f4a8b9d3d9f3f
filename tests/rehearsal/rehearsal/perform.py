"""The whole rehearsal: a fresh world, the cutover, and the record of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

from rehearsal import lifecycle
from rehearsal.layout import Layout
from rehearsal.lifecycle import ROOT, Say
from rehearsal.render.tally import table

INVENTORY = "inventory/rehearsal.py"


def rehearse(layout: Layout, rows: int, say: Say, *, keep: bool) -> int:
    """Bring a fresh world up, carry the cutover through, show where it stands.

    Returns:
        The exit status of the cutover: 0 only when every step is proven.

    Raises:
        WorldError: the world did not come up.
    """
    began = time.monotonic()
    lifecycle.down(layout, say)
    lifecycle.up(layout, rows, say)
    try:
        status = _run(layout, "pyinfra", "-y", INVENTORY, "runbooks/cutover.py")
        ledger = layout.directory / "ledger.sqlite"
        _run(layout, "handrail", "status", "--ledger", str(ledger))
        html = layout.directory / "report.html"
        _run(layout, "handrail", "report", "--html", str(html), "--ledger", str(ledger))
        for line in calls(layout):
            say(line)
        say(f"Rehearsed in {time.monotonic() - began:.0f} s. The evidence: {html}")
    finally:
        if not keep:
            lifecycle.down(layout, say)
    if keep:
        where = "" if layout == Layout.usual() else f"REHEARSAL_DIR={layout.directory} "
        back = f'{INVENTORY} runbooks/rollback.py --data run=latest --data reason="rehearsed"'
        say("The world runs on. Try, in this order:")
        say(f"    {where}./run pyinfra {back} --dry")
        say(f"    {where}./run pyinfra -y {back}")
        say(f"    {where}./run rehearse --stop")
    return status


def calls(layout: Layout) -> list[str]:
    """Return how often which call of Render was made since the world came up, as lines."""
    world = layout.read() or {}
    key = layout.secret("production", "render_key").read_text(encoding="utf-8").strip()
    request = Request(
        f"{world['render']['api']}/_calls", headers={"Authorization": f"Bearer {key}"}
    )
    with urlopen(request, timeout=20) as answer:
        told = json.load(answer)
    return table(told, validated=told["validated"])


def _run(layout: Layout, program: str, *arguments: str) -> int:
    """Run a program of this environment in the project, its output going through."""
    path = Path(sys.executable).parent / program
    environment = os.environ | {"REHEARSAL_DIR": str(layout.directory)}
    return subprocess.run([path, *arguments], cwd=ROOT, env=environment, check=False).returncode

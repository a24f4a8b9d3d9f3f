"""The package cache of Node builds, which worlds of one checkout share."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rehearsal import node_packages
from rehearsal.binaries import NodeBinaries

NPM = """
import sys, time
from pathlib import Path

if sys.argv[1] == "ci":
    Path("alone").touch(exist_ok=False)
    time.sleep(0.1)
    Path("alone").unlink()
"""


def test_worlds_that_come_up_at_once_fill_the_cache_once(tmp_path, monkeypatch):
    """The second one waits for the first, and finds it full."""
    npm, told = tmp_path / "npm.py", []
    npm.write_text(NPM)
    monkeypatch.setattr(node_packages, "CACHE", tmp_path / "cache")
    node = NodeBinaries(Path(sys.executable), npm, "a test")

    with ThreadPoolExecutor(4) as worlds:
        found = list(worlds.map(lambda _: node_packages.npm_settings(node, told.append), range(4)))

    assert len(told) == 1
    assert {each["npm_config_cache"] for each in found} == {str(tmp_path / "cache")}

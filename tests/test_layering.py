"""Nothing points back: which layer may import which, read from the source."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STEPS = {
    ".".join(path.relative_to(ROOT / "operations").with_suffix("").parts)
    for path in (ROOT / "operations").rglob("*.py")
    if re.search(r"^@(step|gate)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the dotted name and the file of each module of the project."""
    for folder in ("handrail", "operations", "runbooks", "inventory"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def imported(path: Path) -> set[str]:
    """Return every name that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names.add(module)
            parent = f"{module}." if node.module else module
            names |= {f"{parent}{alias.name}" for alias in node.names}
    return names


def starts(names: set[str], *prefixes: str) -> list[str]:
    """Return the names that are, or lie in, one of the packages."""
    return sorted(
        name for name in names if any(name == p or name.startswith(f"{p}.") for p in prefixes)
    )


PROJECT = ("operations", "runbooks", "inventory", "tests")
FORBIDDEN = {
    "handrail": (*PROJECT, "rehearsal"),
    "handrail.ledger": (
        "pyinfra",
        "handrail.engine",
        "handrail.clients",
        "handrail.transfer",
        "handrail.cli",
        "handrail.testing",
    ),
    "handrail.clients": (
        "pyinfra",
        "handrail.ledger",
        "handrail.engine",
        "handrail.transfer",
        "handrail.cli",
        "handrail.testing",
    ),
    "handrail.transfer": ("pyinfra", "handrail.ledger", "handrail.engine", "handrail.cli"),
    "handrail.engine": ("handrail.transfer", "handrail.cli", "handrail.testing"),
    "operations": ("runbooks", "inventory", "tests", "rehearsal", "handrail.cli"),
    "runbooks": (
        "handrail.ledger",
        "handrail.clients",
        "handrail.transfer",
        "handrail.cli",
        "handrail.testing",
        "tests",
        "rehearsal",
    ),
    "inventory": ("handrail", "operations", "runbooks", "tests", "rehearsal"),
}
WINGS = ("session", "mapping", "sql", "read", "load", "backup", "verify")  # each on those before it
# What takes its time to import; a run that needs it imports it then.
HEAVY = (
    "asyncio", "cryptography", "email", "http", "jinja2", "libcst", "psycopg", "pydantic",
    "requests", "smtplib", "ssl", "tenacity", "urllib.request", "uvicorn", "websocket", "yaml",
    "handrail.cli", "handrail.clients.channels", "handrail.clients.render",
    "handrail.engine.outline", "handrail.ledger.audit", "handrail.ledger.postgres",
    "handrail.ledger.views.evidence", "handrail.ledger.views.show",
    "handrail.transfer",
)  # fmt: skip
ADDED = """
import json, sys
import pyinfra_cli.main
before = set(sys.modules)
import handrail.engine
json.dump(sorted(set(sys.modules) - before), sys.stdout)
"""
BESIDE = {"backup": {"mapping", "sql", "read", "load"}, "load": {"backup"}, "verify": {"backup"}}


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_a_layer_imports_nothing_that_lies_before_it(layer):
    """Runbooks call operations, operations stand on the library, and nothing points back."""
    for name, path in modules():
        if name == layer or name.startswith(f"{layer}."):
            found = starts(imported(path), *FORBIDDEN[layer])
            assert not found, f"{name} imports {', '.join(found)}"


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_of_the_data_engine_points_at_no_wing_above_it(wing):
    """Session, mapping, sql, read, load and backup, verify: draft and freeze stand on top."""
    above = {*WINGS[WINGS.index(wing) + 1 :], "draft", "freeze"} | BESIDE.get(wing, set())
    names = [f"handrail.transfer.{each}" for each in sorted(above)]
    for name, path in modules():
        if name.startswith(f"handrail.transfer.{wing}."):
            found = starts(imported(path), *names)
            assert not found, f"{name} imports {', '.join(found)}"


def test_a_step_imports_no_other_step_and_no_ledger():
    """Claims that several steps rely on live in modules of their subject."""
    for step in STEPS:
        path = ROOT / "operations" / f"{step.replace('.', '/')}.py"
        others = [f"{'.' * step.count('.')}.{other}" for other in STEPS - {step}]
        names = imported(path)
        assert not starts(names, "handrail.ledger", "pyinfra", *others), step


def test_the_core_does_not_know_the_rehearsal():
    """The rehearsal world speaks at the wire; no source of the core names it."""
    for name, path in modules():
        if not name.startswith("inventory"):
            assert "rehears" not in path.read_text(encoding="utf-8").lower(), name


def test_no_module_wants_a_second_noun():
    """A module past 300 lines wants a second noun."""
    for _, path in modules():
        if path.parent.name not in {"runbooks", "inventory"}:
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def test_a_runbook_holds_calls_only():
    """No `if`, no `def`, no arithmetic: pyinfra runs the file once for each target."""
    allowed = (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign)
    banned = (ast.BinOp, ast.BoolOp, ast.IfExp, ast.Lambda, ast.comprehension)
    for path in (ROOT / "runbooks").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert all(isinstance(node, allowed) for node in tree.body), path
        assert not any(isinstance(node, banned) for node in ast.walk(tree)), path


def test_the_engine_starts_without_what_takes_its_time():
    """Importing it adds no HTTP, no server's driver, no models, no views to what pyinfra has."""
    assert all(find_spec(name) for name in HEAVY)
    answer = subprocess.run(
        [sys.executable, "-c", ADDED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    added = set(json.loads(answer.stdout))
    assert "handrail.engine.steps" in added
    assert not starts(added, *HEAVY)

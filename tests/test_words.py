"""Words that were given up do not come back into what operators and authors read."""

import ast
import re
from pathlib import Path

import handrail

ROOT = Path(__file__).parents[1]
SQL = re.compile(r"CREATE TABLE|\bSELECT\b")  # of an old format of the ledger, too
# Each with what is said instead.
RETIRED = {
    r"(?<!`)\bfence": "guard, or token",  # in backticks it is the field of an old format
    r"\bplaybook": "runbook",
    r"\bsession of the run": "attempt",
    r"\bcrew\b|\bseat\b|\bhands\b": "workers",
    r"not to be had": "cannot be read",
    r"\bhas not (the|its|a)\b": "does not have",
    r"\b(which|it|that) is no (?!longer|different)": "is not a",
    r"\b(counts|declared|declares it) no more": "no longer",
    r"\bholds still\b": "still holds",
    r"\bswitch \w+ \w+ forth\b": "switch it to …",
    r"\bof before\b": "as it was before",
    r"\bconnect anew\b|\bfrozen anew\b": "reconnect, frozen again",
    r"`runbook (status|runs|show|verify|export|report)": "`handrail …`",
}

# Words that no file, class or function is called: riddles, drawers, and what has a word by now.
NAMELESS = {
    "fence", "playbook", "crew", "seat", "hands", "utils", "helpers", "common", "manager", "misc",
}  # fmt: skip


def texts(path):
    """Yield line and text of each piece of a source that is shown to somebody."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in hidden and not SQL.search(node.value):
            yield node.lineno, node.value


def test_no_retired_word_is_said_to_an_operator():
    """One word, one thing; and English that a reader gets at once."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}; say {instead}"
        for folder in ("handrail", "operations", "runbooks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in texts(path)
        if " " in text
        for retired, instead in RETIRED.items()
        if re.search(retired, text)
    ]
    assert not found, "\n".join(found)


def test_no_retired_word_is_in_the_documents():
    """The README and the guides say what the program says."""
    pages = [ROOT / "README.md", ROOT / "state" / "README.md", *(ROOT / "docs").glob("*.md")]
    found = [
        f"{page.relative_to(ROOT)}: {match[0]!r}; say {instead}"
        for page in pages
        for retired, instead in RETIRED.items()
        if (match := re.search(retired, page.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)


def test_no_file_and_no_class_has_a_retired_name():
    """A riddle is not let in by its file, nor a word that means something else by now."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ("handrail", "operations")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in (path.stem, path.parent.name, *classes(path))
        if NAMELESS & set(re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower().split("_"))
    ]
    assert not found, "\n".join(found)


def test_no_two_classes_that_authors_meet_have_one_name():
    """What `handrail` exports is the only class of its name in the library."""
    known = {name for name in handrail.__all__ if isinstance(getattr(handrail, name), type)}
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "handrail").rglob("*.py"))
        for name in classes(path)
        if name in known and getattr(handrail, name).__module__ != module_of(path)
    ]
    assert not found, "\n".join(found)


def classes(path):
    """Return the names of the classes in a source."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [each.name for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]


def module_of(path):
    """Return the dotted name of a source."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)

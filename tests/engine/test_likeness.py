"""What counts of a file of code: what is carried out of it, and nothing else."""

import pytest

from handrail.engine.likeness import _meaning

ALIKE = {
    "a comment and white space": ("x = 1\n", "\n# a word\nx  =  (1)  # another\n"),
    "the hint of a local variable": ("def f():\n y: int\n x: int = 1\n", "def f():\n x = 1\n"),
    "what only a type checker reads": ("if TYPE_CHECKING:\n import a\nx = 1\n", "x = 1\n"),
    "the white space of a docstring": ('def f():\n "It is\n  so."\n'.replace('"', "'''"),
                                       "def f():\n 'It is so.'\n"),
}  # fmt: skip
OTHER = {
    "a value": ("x = 1\n", "x = 1.0\n"),
    "the hint of an argument": ("def f(x: int): g()\n", "def f(x: Secret): g()\n"),
    "the hint of a module or a class": ("class A:\n x: int = 1\n", "class A:\n x: str = 1\n"),
    "the words of a docstring": ("def f(): 'It is so.'\n", "def f(): 'It is not so.'\n"),
    "an order": ("f()\ng()\n", "g()\nf()\n"),
    "an operator": ("x = a and b\n", "x = a or b\n"),
}


@pytest.mark.parametrize("kind", [*ALIKE, *OTHER])
def test_what_is_carried_out_counts(kind, tmp_path):
    """Of a saved plan and of a drill: the rest never alarms."""
    digests = set()
    for text in (ALIKE | OTHER)[kind]:
        (tmp_path / "a.py").write_text(text)
        digests.add(_meaning(tmp_path / "a.py"))

    assert len(digests) == (1 if kind in ALIKE else 2)

"""The lab's warm process, and what more it can do: let a command die, or take photos of it."""

from handrail.testing.warm import become as be  # first: it patches the process, as pyinfra does
from handrail.testing.warm import serve

# isort: split
from pathlib import Path

from lab import steps  # noqa: F401  imported once, here, as the library is
from lab.killer import die_at
from lab.photographer import photograph


def become(asked: dict[str, object]) -> None:
    """Be the command, and die or be photographed where a test asks for it."""
    env = dict(asked["env"])  # type: ignore[call-overload]
    if "DIE_AT" in env:
        die_at(int(env["DIE_AT"]))
    if "ALBUM" in env:
        photograph(Path(env["ALBUM"]))
    be(asked)


if __name__ == "__main__":
    serve(become)

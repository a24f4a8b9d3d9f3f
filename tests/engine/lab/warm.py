"""The lab's warm process, and one more thing it can do: let a command die at a point of its run."""

from handrail.testing.warm import become as be  # first: it patches the process, as pyinfra does
from handrail.testing.warm import serve

# isort: split
from lab.killer import die_at


def become(asked: dict[str, object]) -> None:
    """Be the command, and die where a test asks for it."""
    point = dict(asked["env"]).get("DIE_AT")  # type: ignore[call-overload]
    if point is not None:
        die_at(int(point))
    be(asked)


if __name__ == "__main__" and (command := serve()):
    become(command)

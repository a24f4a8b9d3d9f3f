"""Which Python a build gets: that of the service, of the repository, or the platform's own.

Source: https://render.com/docs/python-version
"""

import platform
import re
from pathlib import Path

VARIABLE, FILE = "PYTHON_VERSION", ".python-version"
OLDEST = (3, 7, 3)


class UnknownPythonError(Exception):
    """The Python that is asked for cannot be given; the text is the log's."""


def wanted_python(variables: dict[str, str], directory: Path) -> tuple[str, str]:
    """Return the version that is asked for and by what; both empty where nothing asks."""
    if VARIABLE in variables:
        return variables[VARIABLE], f"environment variable {VARIABLE}"
    file = directory / FILE
    if file.is_file():
        return file.read_text(encoding="utf-8").strip(), FILE
    return "", ""


def python_line(wanted: tuple[str, str]) -> str:
    """Return what the log says of the Python that is taken.

    A machine has one Python with the application's packages; any other is refused, so that nothing
    is proven here with another one than is asked for there.

    Raises:
        UnknownPythonError: it is written otherwise than Render wants it, too old, or not here.
    """
    version, source = wanted
    here = platform.python_version()
    if not source:
        return f"Using Python version {here} (default)"
    form = r"3\.\d+\.\d+" if source == f"environment variable {VARIABLE}" else r"3\.\d+(\.\d+)?"
    if not re.fullmatch(form, version):
        raise UnknownPythonError(f"The Python version {version!r} of {source} is not a full one")
    numbers = tuple(map(int, version.split(".")))
    if numbers < OLDEST:
        raise UnknownPythonError(f"The Python version {version} is older than 3.7.3")
    if here.split(".")[: len(numbers)] != version.split("."):
        raise UnknownPythonError(
            f"The Python version {version} of {source} is not on this machine, which has {here}"
        )
    return f"Using Python version {version} via {source}"

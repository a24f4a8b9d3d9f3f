"""The words of a `pyinfra` command."""

from collections.abc import Iterable
from itertools import chain, product


def data_words(given: Iterable[str]) -> list[str]:
    """Return the words that give a command its data, each ``key=value``."""
    return list(chain.from_iterable(product(["--data"], given)))

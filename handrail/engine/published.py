"""Documents of the run in files that a step publishes: made when one is named, times told apart."""

import re

TIME = re.compile("⸢⸢(.*?)⸥⸥")  # words that say how long something takes, until they are published


def document(kind: str, run: str, task: str) -> str:
    """Return a document of the run, its times marked; see `handrail.engine.documents`."""
    from handrail.engine import documents  # noqa: PLC0415  most commands publish none

    return documents.document(kind, run, task)


def timed(words: str) -> str:
    """Return words that say how long something takes, marked."""
    return f"⸢⸢{words}⸥⸥"


def as_published(text: str) -> str:
    """Return a text with its times as plain words."""
    return TIME.sub(r"\1", text)


def reads_like(there: str, text: str) -> bool:
    """Tell whether a text is there already, whatever its times were when it was published."""
    parts = [re.escape(each) for each in TIME.split(text)[::2]]
    return re.fullmatch("[^\n]*".join(parts), there) is not None

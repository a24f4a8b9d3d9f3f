"""The worlds in which the demo steps are tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from handrail.testing.laws import Harness, World, harness

TEXTS = st.text(st.characters(codec="ascii", exclude_characters="\0\r'\\%"), max_size=8)


def _filed(name: str, **more: st.SearchStrategy[object]) -> Harness:
    @harness(f"tests.engine.lab.steps.{name}")
    @contextmanager
    def world(data: st.DataObject) -> Iterator[World]:
        """A file that says anything, or is not there."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "f"
            stands = data.draw(st.none() | TEXTS, "what stands there")
            if stands is not None:
                path.write_text(stands)
            arguments = {key: data.draw(value, key) for key, value in more.items()}
            yield World(
                {"path": str(path)} | arguments,
                lambda: path.read_text() if path.exists() else None,
            )

    return world


_filed("write", text=TEXTS)
_filed("print_to", text=TEXTS)
_filed("place", text=TEXTS)
_filed("append", line=TEXTS)

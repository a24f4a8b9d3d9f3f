"""Where pyinfra stands in the runbook that it reads."""

import inspect
from types import FrameType

from pyinfra.context import state


def runbook_frame() -> FrameType | None:
    """Return the frame of the runbook file that led here; None where none did."""
    frame, wanted = inspect.currentframe(), str(state.current_deploy_filename)
    while frame is not None and frame.f_code.co_filename != wanted:
        frame = frame.f_back
    return frame

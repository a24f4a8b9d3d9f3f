"""What a program shows on a terminal of its own."""

import os
import select
import time
from collections.abc import Iterator

LONGEST_SECONDS = 60


def shown_on(master: int) -> Iterator[str]:
    """Yield all that was shown so far, whenever there is more, until the other end is closed."""
    said, deadline = "", time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            said += os.read(master, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            return
        yield said

"""One load in a process of its own, to be killed: says `ready`, loads, says how it ended."""

import json
import sys

from handrail.clients.errors import ClientError
from handrail.transfer.load import load, workers
from handrail.transfer.sql.compile import open_plan

REFUSED = 3


def main() -> int:
    """Do what the request on stdin says; it holds addresses, so it is no argument."""
    request = json.load(sys.stdin)
    places = request["source"], request["destination"]
    try:
        plan = open_plan(request["mapping"], *places)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        done = load.load(
            plan,
            *places,
            mode=request["mode"],
            chunk_rows=request["chunk_rows"],
            preflighted=True,  # blows are to land among the writes
            workers=workers.asked_for(request["workers"]),
        )
    except ClientError as error:
        sys.stdout.write(f"refused: {error.what}: {error.why}\n")
        return REFUSED
    sys.stdout.write(f"done: {done.chunks_moved} moved, {done.chunks_unchanged} unchanged\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

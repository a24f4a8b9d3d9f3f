"""Put back what a run changed, newest first.

pyinfra inventory/prod.py runbooks/rollback.py --data run=latest --data reason="…" --dry
pyinfra inventory/prod.py runbooks/rollback.py --data run=latest --data reason="…"
"""

from pyinfra.context import host

from handrail.engine import roll_back

roll_back(
    run=host.data.get("run"),
    reason=host.data.get("reason"),
    to=host.data.get("to"),
    accepts={
        "4.0.1": "the tables that Django's migrations made stay; nobody else reads them",
        "R4": "what a release's migrations added stays; the earlier code does not read it",
    },
)

"""Put back what a run changed, newest first.

pyinfra inventory/prod.py runbooks/rollback.py --data run=latest --data reason="…" --dry
pyinfra inventory/prod.py runbooks/rollback.py --data run=latest --data reason="…"
"""

from pyinfra.context import host

from handrail.engine import roll_back

roll_back(run=host.data.get("run"), reason=host.data.get("reason"), to=host.data.get("to"))

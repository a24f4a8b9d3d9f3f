"""Ask the gates of a finished cutover once more; changes nothing.

pyinfra inventory/prod.py runbooks/verify.py
"""

from handrail.engine import begin
from operations import smoke, verify
from operations.targets import NEEDS

here = begin(NEEDS)

smoke.health(
    task="4.1", name="See database, Redis and Celery healthy", on="production", timeout_seconds=60
)
verify.mapping_fits(
    task="8.1", name="Hold the mapping against both live databases", on="production"
)
smoke.accounts_sign_in(
    task="10", name="Sign in to Django with the passwords users have", on="production"
)
smoke.records_round_trip(
    task="12", name="Read all 19 tables; make, change and delete a record", on="production"
)

"""``python -m handrail.clients.browser``: one visit: JSON in, JSON out."""

import json
import sys
from pathlib import Path

from handrail.clients.app import Profile
from handrail.clients.browser.user import User
from handrail.clients.errors import ClientError

try:
    given = json.load(sys.stdin)
    screen = Profile.from_inventory(Path(given["profile"])).system(given["system"])
    told = User(given, screen).told()
except ClientError as refusal:
    told = {"what": refusal.what, "why": refusal.why, "fix": refusal.fix}
sys.stdout.write(json.dumps(told))

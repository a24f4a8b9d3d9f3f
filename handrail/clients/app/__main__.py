"""``python -m handrail.clients.app > docs/profile.schema.json``: the schema of a profile."""

import json
import sys

from handrail.clients.app.profile_file import schema

sys.stdout.write(json.dumps(schema(), indent=2) + "\n")

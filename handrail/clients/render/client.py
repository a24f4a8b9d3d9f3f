"""The one name for everything Render does for us."""

from handrail.clients.render.blueprints import BlueprintCalls
from handrail.clients.render.deploys import DeployCalls


class Render(DeployCalls, BlueprintCalls):
    """One workspace on Render: its services, their deploys, what was observed.

    Made by ``Render.from_inventory({"api": …, "key": "env:…", "owner": "tea-…"})``.
    """

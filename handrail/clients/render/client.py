"""The one name for everything Render does for us."""

from handrail.clients.render.beside import BesideCalls
from handrail.clients.render.blueprints import BlueprintCalls
from handrail.clients.render.databases import InstanceCalls
from handrail.clients.render.jobs import JobCalls
from handrail.clients.render.origins import OriginCalls


class Render(OriginCalls, BlueprintCalls, JobCalls, BesideCalls, InstanceCalls):
    """One workspace on Render: its services, their deploys, what was observed.

    Made by ``Render.from_inventory({"api": …, "key": "env:…", "owner": "tea-…"})``.
    """

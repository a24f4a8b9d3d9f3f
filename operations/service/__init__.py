"""The services on Render themselves: made, kept from deploying by themselves, suspended."""

from .create import create
from .create_site import create_site
from .pause_autodeploy import pause_autodeploy
from .suspend import suspend

__all__ = ["create", "create_site", "pause_autodeploy", "suspend"]

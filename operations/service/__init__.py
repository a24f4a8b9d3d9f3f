"""The services on Render themselves: made, kept from deploying by themselves, suspended."""

from .create import create
from .pause_autodeploy import pause_autodeploy
from .suspend import suspend

__all__ = ["create", "pause_autodeploy", "suspend"]

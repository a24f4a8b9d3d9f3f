"""Render's control plane, as far as a cutover needs it.

Source: https://api-docs.render.com/reference/introduction
"""

from handrail.clients.render.client import Render
from handrail.clients.render.model import Deploy, LogLine, Service

__all__ = ["Deploy", "LogLine", "Render", "Service"]

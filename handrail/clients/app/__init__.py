"""An application as its users meet it, described by a profile."""

from handrail.clients.app.application import Application
from handrail.clients.app.profile_file import Profile

__all__ = ["Application", "Profile"]

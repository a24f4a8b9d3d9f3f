"""A real browser that uses a frontend as one of its users does."""

from handrail.clients.browser.browser import Browser
from handrail.clients.browser.visit import Visit, visit

__all__ = ["Browser", "Visit", "visit"]

"""The rows leave the legacy database and reach Django's: to files, in one go, and once more."""

from .catch_up import catch_up
from .export import export
from .load import load

__all__ = ["catch_up", "export", "load"]

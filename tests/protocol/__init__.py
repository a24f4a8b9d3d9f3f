"""The written protocol, checked by a checker of its own."""

"""The project: settings, routes and the entry points of its four services."""

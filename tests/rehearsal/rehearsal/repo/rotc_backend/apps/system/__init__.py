"""The system itself: settings, audit trail, events, health and background tasks."""

"""What people tell each other: activities, messages and notifications."""

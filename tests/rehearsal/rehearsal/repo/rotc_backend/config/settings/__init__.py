"""Settings modules; a deployed service uses ``config.settings.production``."""

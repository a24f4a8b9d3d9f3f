"""The steps and gates of the plan; one file for each kind of step."""

# What became of names that a ledger may hold; the engine reads it, so that old runs go on.
ALIASES = {
    "drill.switch_back": "trial.switch_back",
    "service.hold": "service.pause_autodeploy",
}

# The same of arguments, by the step's name of today.
SITE = {"service": "frontend_service", "url": "frontend_url"}
ARGUMENTS = {
    "freeze.writes": {"database": "source"},
    "frontend.release": SITE,
    "service.create": {"source": "service_source"},
    "smoke.accounts_sign_in": {"url": "web_url"},
    "sync.pause": {"source": "service_source"},
    "trial.switch_back": SITE,
}

# What a step captures today and did not formerly, likewise.
CAPTURES = {"deploy.release": ["deploy"]}

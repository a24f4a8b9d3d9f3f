"""The steps and gates of the plan; one file for each kind of step."""

# What became of names that a ledger may hold; the engine reads it, so that old runs go on.
ALIASES = {
    "drill.switch_back": "trial.switch_back",
    "service.hold": "service.pause_autodeploy",
}

"""The steps and gates of the plan; one file for each kind of step."""

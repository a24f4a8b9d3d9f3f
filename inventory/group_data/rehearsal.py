"""The rehearsal world: the same runbooks, at the pace of a machine that serves only us."""

environment = "rehearsal"
waiting = {"timeout_seconds": 180, "poll_seconds": 1.0}
poll_seconds = 0.5
window_seconds = 3
drilled = False
min_requests = 20
requests = 100
monitor = {"poll_seconds": 1.0, "timeout_seconds": 60}
# The seed points to dead files on purpose, as old rows do.
linked_files = {"within_seconds": 60, "timeout_seconds": 5, "workers": 8, "max_dead": 500}

"""The files that the runbooks publish into the app's repository."""

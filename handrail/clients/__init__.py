"""Reach the world outside: no pyinfra, no state, and every failure a `ClientError`."""

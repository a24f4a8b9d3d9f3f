"""Tests of the `handrail` command as a whole."""

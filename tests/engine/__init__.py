"""Tests of the engine: the real pyinfra command on demo steps."""

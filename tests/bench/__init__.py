"""Benchmarks: every figure is a ratio of two things measured in turn in the same run."""

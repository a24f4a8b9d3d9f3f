"""Comparing both sides: rows, relations, sequences, files, and what was written since."""

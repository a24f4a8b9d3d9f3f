"""Tests of the rehearsal world itself."""

"""Tests of the ledger, and of the command that reads it."""

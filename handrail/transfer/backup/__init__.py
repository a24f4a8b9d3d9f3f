"""Backups that are proven by restoring them."""

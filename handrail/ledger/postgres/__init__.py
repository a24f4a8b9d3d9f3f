"""A ledger for a team: one schema of a PostgreSQL database for each environment."""

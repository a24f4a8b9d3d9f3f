"""People who can log in: their accounts, tokens and preferences."""

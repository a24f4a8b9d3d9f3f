"""A mapping compiled to SQL: catalogs, casts, lookups, and the plan of each table."""

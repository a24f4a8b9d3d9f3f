"""Compile a declared mapping to SQL, move the rows by it, and verify them."""

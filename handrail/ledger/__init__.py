"""The durable memory of runs: an append-only ledger and what is folded from it."""

"""One start of the command, from its first look at the ledger to its last lines."""

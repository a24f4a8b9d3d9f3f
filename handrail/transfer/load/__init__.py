"""Loading the destination in chunks that are each proven."""

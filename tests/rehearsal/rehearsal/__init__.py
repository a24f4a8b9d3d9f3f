"""The rehearsal world: real services on loopback, as they stand before the cutover."""

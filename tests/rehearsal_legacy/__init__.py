"""The legacy half of the rehearsal world: its database, its server, its frontend."""

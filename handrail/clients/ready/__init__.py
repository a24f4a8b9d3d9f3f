"""What must hold before a night begins, found out without changing anything."""

"""The clients, against real servers on loopback."""

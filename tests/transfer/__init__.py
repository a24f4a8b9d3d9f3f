"""The data engine against real databases."""

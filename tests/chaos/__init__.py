"""Campaigns that kill runs at every point and at any time; slow, and run on demand."""

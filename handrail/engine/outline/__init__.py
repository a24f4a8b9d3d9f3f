"""A plan on one screen: what a command would do, how long it takes, and what it leads to."""

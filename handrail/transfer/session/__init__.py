"""The sessions that rows travel through, and what a lost one is told as."""

"""Old runs in files of their own: what may go there, how it is moved, read, and brought back."""

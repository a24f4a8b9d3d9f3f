"""The whole story, told once: cut over, be killed, resume, go back."""

"""A stand-in of Render's control plane: its HTTP API, and deploys that really build and run."""

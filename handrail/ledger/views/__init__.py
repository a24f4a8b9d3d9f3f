"""Views of a run: text, JSON, HTML."""

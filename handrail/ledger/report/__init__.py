"""The report of a run: one structure, written as a page, as JSON and as Markdown."""

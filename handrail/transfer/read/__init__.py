"""Reading the source: preflight, live rows, exported files, rows kept out."""

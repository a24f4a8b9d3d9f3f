"""Reading both sides: preflight, live rows, exported files, rows kept out."""

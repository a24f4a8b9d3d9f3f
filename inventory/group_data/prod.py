"""Production: where its ledger is, the clone and the workspace on Render."""

environment = "production"
guarded = True  # no plan goes forward here that was not drilled as it is
undo_minutes = 15  # what a way back may take
ledger = "state/ledgers/production.sqlite"

# Or {"remote": "git@github.com:ORGANISATION/rotc.git", "branch": "main"}, where nobody has a clone.
repository = {"path": "../rotc", "remote": "origin", "branch": "main"}
# The key reaches every workspace of its user; the owner is the workspace's id, `tea-…`.
render = {
    "api": "https://api.render.com/v1",
    "key": "env:RENDER_API_KEY",
    "owner": "tea-00000000000000000000",
    # Variables that may be shown where a deploy fails; every other value is withheld.
    "shown": [
        "ALLOWED_HOSTS",
        "CLOUDINARY_CLOUD_NAME",
        "CORS_ALLOWED_ORIGINS",
        "DEBUG",
        "DJANGO_SETTINGS_MODULE",
        "VITE_API_URL",
        "VITE_WS_URL",
    ],
}

"""Staging: where its ledger is, the clone and the workspace on Render."""

environment = "staging"
ledger = "state/ledgers/staging.sqlite"

repository = {"path": "../rotc", "remote": "origin", "branch": "staging"}
# The key reaches every workspace of its user; the owner is the workspace's id, `tea-…`.
render = {
    "api": "https://api.render.com/v1",
    "key": "env:RENDER_API_KEY",
    "owner": "tea-00000000000000000000",
}

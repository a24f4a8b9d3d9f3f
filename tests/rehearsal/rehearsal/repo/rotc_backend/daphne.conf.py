"""Settings of the WebSocket server."""

bind = "0.0.0.0"
port = 8001
websocket_timeout = 86400

"""Settings of the web server; gunicorn reads this file from the working directory."""

bind = "127.0.0.1:8000"
workers = 2
timeout = 30
accesslog = "-"

"""Production, with the staging system that proves each change first.

Nothing here is secret and nothing is logic: put your values in. A secret is named, never written:
`env:NAME` reads an environment variable, `file:PATH` a file of mode 0600, `cmd:COMMAND` what a
password manager prints; each only when it is used.
`pyinfra inventory/prod.py debug-inventory` shows what pyinfra makes of it.
"""

# The app's repository. Runbooks read and push the remote's branch that Render deploys; of the clone
# that `repository` in the group data names they use the address only.
repository = [
    (
        "@control/repository",
        {
            "facts": {
                "api_url": "https://rotc-django-web.onrender.com",
                "ws_url": "wss://rotc-django-channels.onrender.com",
                "web_url": "https://rotc-django-web.onrender.com",
                "channels_url": "https://rotc-django-channels.onrender.com",
                "frontend_url": "https://rotc-frontend.onrender.com",
                "contacts": "write names and telephone numbers here",
                "archive_branch": "archive/nodejs-backend",
                "python_version": "3.11.0",
            },
        },
    ),
]

staging = [
    (
        "@control/staging",
        {
            # Names on Render. The Django services need not exist yet; the others must.
            "services": {
                "web": "staging-rotc-django-web",
                "channels": "staging-rotc-django-channels",
                "worker": "staging-rotc-celery-worker",
                "beat": "staging-rotc-celery-beat",
            },
            "legacy_service": "staging-rotc-legacy",
            "keepalive_service": "staging-rotc-keepalive",
            "frontend_service": "staging-rotc-frontend",
            # Public addresses, without a trailing slash.
            "legacy_url": "https://staging-rotc-legacy.onrender.com",
            "frontend_url": "https://staging-rotc-frontend.onrender.com",
            "web_url": "https://staging-rotc-django-web.onrender.com",
            "channels_url": "https://staging-rotc-django-channels.onrender.com",
            "websocket_url": "wss://staging-rotc-django-channels.onrender.com",
            # Every name the services answer under: Render's health check sends one of them, too.
            "allowed_hosts": "staging-rotc-django-web.onrender.com,"
            "staging-rotc-django-channels.onrender.com",
            # postgresql://user:password@host/name, reachable from this machine, direct and not
            # through a pooler. The role must own the database; backups need CREATEDB.
            "source": "env:STAGING_LEGACY_DATABASE_URL",
            "destination": "env:STAGING_DJANGO_DATABASE_URL",
            "redis": "env:STAGING_REDIS_URL",
            # Set on the services as they are written here.
            "cloudinary_variables": {
                "CLOUDINARY_CLOUD_NAME": "env:STAGING_CLOUDINARY_CLOUD_NAME",
                "CLOUDINARY_API_KEY": "env:STAGING_CLOUDINARY_API_KEY",
                "CLOUDINARY_API_SECRET": "env:STAGING_CLOUDINARY_API_SECRET",
            },
            # JSON: [{"username": …, "password": …, "role": "admin"}, …], accounts made for this.
            "canaries": "env:STAGING_CANARIES",
            # A webhook that takes a JSON alert.
            "alerts": "env:ALERTS_URL",
            # Backups, exports and reports of this target, in a folder for each run.
            "directory": "evidence/staging",
        },
    ),
]

production = [
    (
        "@control/production",
        {
            "legacy_service": "rotc-legacy",
            "keepalive_service": "rotc-keepalive",
            "frontend_service": "rotc-frontend",
            "legacy_url": "https://rotc-legacy.onrender.com",
            "frontend_url": "https://rotc-frontend.onrender.com",
            "web_url": "https://rotc-django-web.onrender.com",
            "channels_url": "https://rotc-django-channels.onrender.com",
            "websocket_url": "wss://rotc-django-channels.onrender.com",
            "allowed_hosts": "rotc-django-web.onrender.com,rotc-django-channels.onrender.com",
            "source": "env:LEGACY_DATABASE_URL",
            "destination": "env:DJANGO_DATABASE_URL",
            "redis": "env:REDIS_URL",
            "cloudinary_variables": {
                "CLOUDINARY_CLOUD_NAME": "env:CLOUDINARY_CLOUD_NAME",
                "CLOUDINARY_API_KEY": "env:CLOUDINARY_API_KEY",
                "CLOUDINARY_API_SECRET": "env:CLOUDINARY_API_SECRET",
            },
            "canaries": "env:CANARIES",
            "alerts": "env:ALERTS_URL",
            "directory": "evidence/production",
        },
    ),
]

system = (
    ["@control/staging", "@control/production"],
    # What new services are built from.
    {"service_source": {"repo": "https://github.com/ORGANISATION/rotc", "branch": "main"}},
)

"""The drill before the night: staging plays production, and a small preview plays staging.

A whole cutover and a whole rollback are carried through here first. See inventory/prod.py for what
each value means.
"""

repository = [
    (
        "@control/repository",
        {
            "facts": {
                "api_url": "https://staging-rotc-django-web.onrender.com",
                "ws_url": "wss://staging-rotc-django-channels.onrender.com",
                "web_url": "https://staging-rotc-django-web.onrender.com",
                "channels_url": "https://staging-rotc-django-channels.onrender.com",
                "frontend_url": "https://staging-rotc-frontend.onrender.com",
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
            "services": {
                "web": "preview-rotc-django-web",
                "channels": "preview-rotc-django-channels",
                "worker": "preview-rotc-celery-worker",
                "beat": "preview-rotc-celery-beat",
            },
            "legacy_service": "preview-rotc-legacy",
            "keepalive_service": "preview-rotc-keepalive",
            "frontend_service": "preview-rotc-frontend",
            "legacy_url": "https://preview-rotc-legacy.onrender.com",
            "frontend_url": "https://preview-rotc-frontend.onrender.com",
            "web_url": "https://preview-rotc-django-web.onrender.com",
            "channels_url": "https://preview-rotc-django-channels.onrender.com",
            "websocket_url": "wss://preview-rotc-django-channels.onrender.com",
            "allowed_hosts": "preview-rotc-django-web.onrender.com,"
            "preview-rotc-django-channels.onrender.com",
            "source": "env:PREVIEW_LEGACY_DATABASE_URL",
            "destination": "env:PREVIEW_DJANGO_DATABASE_URL",
            "redis": "env:PREVIEW_REDIS_URL",
            "cloudinary_variables": {
                "CLOUDINARY_CLOUD_NAME": "env:PREVIEW_CLOUDINARY_CLOUD_NAME",
                "CLOUDINARY_API_KEY": "env:PREVIEW_CLOUDINARY_API_KEY",
                "CLOUDINARY_API_SECRET": "env:PREVIEW_CLOUDINARY_API_SECRET",
            },
            "canaries": "env:PREVIEW_CANARIES",
            "alerts": "env:ALERTS_URL",
            "directory": "evidence/preview",
        },
    ),
]

production = [
    (
        "@control/production",
        {
            "services": {
                "web": "staging-rotc-django-web",
                "channels": "staging-rotc-django-channels",
                "worker": "staging-rotc-celery-worker",
                "beat": "staging-rotc-celery-beat",
            },
            "legacy_service": "staging-rotc-legacy",
            "keepalive_service": "staging-rotc-keepalive",
            "frontend_service": "staging-rotc-frontend",
            "legacy_url": "https://staging-rotc-legacy.onrender.com",
            "frontend_url": "https://staging-rotc-frontend.onrender.com",
            "web_url": "https://staging-rotc-django-web.onrender.com",
            "channels_url": "https://staging-rotc-django-channels.onrender.com",
            "websocket_url": "wss://staging-rotc-django-channels.onrender.com",
            "allowed_hosts": "staging-rotc-django-web.onrender.com,"
            "staging-rotc-django-channels.onrender.com",
            "source": "env:STAGING_LEGACY_DATABASE_URL",
            "destination": "env:STAGING_DJANGO_DATABASE_URL",
            "redis": "env:STAGING_REDIS_URL",
            "cloudinary_variables": {
                "CLOUDINARY_CLOUD_NAME": "env:STAGING_CLOUDINARY_CLOUD_NAME",
                "CLOUDINARY_API_KEY": "env:STAGING_CLOUDINARY_API_KEY",
                "CLOUDINARY_API_SECRET": "env:STAGING_CLOUDINARY_API_SECRET",
            },
            "canaries": "env:STAGING_CANARIES",
            "alerts": "env:ALERTS_URL",
            "directory": "evidence/staging",
        },
    ),
]

system = (
    ["@control/staging", "@control/production"],
    # What new services are built from.
    {"service_source": {"repo": "https://github.com/ORGANISATION/rotc", "branch": "staging"}},
)
# Every target: inventory/group_data/drill.py is theirs. The file's own name is taken by `staging`.
drill = ["@control/repository", "@control/staging", "@control/production"]

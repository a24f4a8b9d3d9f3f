"""Integration tests: ``python manage.py test``, against DATABASE_URL's server and REDIS_URL."""

"""Tests of the Django application that the rehearsal world deploys."""

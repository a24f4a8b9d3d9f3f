"""Run Django's own commands: migrate, collectstatic, test and the rest."""

import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
